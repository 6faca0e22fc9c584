// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

import dev.lossd.client.Client;
import dev.lossd.client.Tensors;
import dev.lossd.v1.ComputeRequest;
import dev.lossd.v1.ComputeResponse;
import dev.lossd.v1.FeatureMapContrastive;
import dev.lossd.v1.LossSpec;
import dev.lossd.v1.Sampling;
import dev.lossd.v1.Seed;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/** The reference's documentation example: {@code DocumentationExample HOST:PORT tests/golden/fm_doc_example}. */
public final class DocumentationExample {
  private static final Map<String, String> FILES =
      Map.of("anchor.0", "a0", "anchor.1", "a1", "positive.0", "b0", "positive.1", "b1");

  /** The elements of a .npy file of little-endian float32, whose header's length stands in its bytes 8 and 9. */
  private static float[] read(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    bytes.position(10 + bytes.getShort(8));
    float[] elements = new float[bytes.remaining() / Float.BYTES];
    bytes.asFloatBuffer().get(elements);
    return elements;
  }

  public static void main(String[] arguments) throws IOException {
    FeatureMapContrastive loss = FeatureMapContrastive.newBuilder()
        .setComparisons("01, 11")
        .setSampling(Sampling.newBuilder().setSeed(Seed.newBuilder().setTorchSeed(0).setTorchSkip(240)))
        .build();
    ComputeRequest.Builder request =
        ComputeRequest.newBuilder().setLoss(LossSpec.newBuilder().setFeatureMapContrastive(loss));
    for (Map.Entry<String, String> file : FILES.entrySet()) {
      float[] elements = read(Path.of(arguments[1], file.getValue() + ".npy"));
      request.addInputs(Tensors.of(file.getKey(), elements, 3, 5, 2, 2));
    }
    try (Client client = Client.builder(arguments[0]).connect()) {
      ComputeResponse response = client.compute(request.build());
      for (String name : new String[] {"losses", "regularizer"}) {
        float[] output = Tensors.floats(Tensors.output(response, name).orElseThrow());
        System.out.println(name + " " + Arrays.toString(output));
      }
      double sum = 0;
      for (float value : Tensors.floats(Tensors.gradient(response, "anchor.0").orElseThrow())) {
        sum += Math.abs(value);
      }
      System.out.printf("gradient %.4f%n", sum);
    }
  }
}
