// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.cost;

import com.google.protobuf.ByteString;
import com.sun.management.OperatingSystemMXBean;
import dev.lossd.client.Client;
import dev.lossd.client.Tensors;
import dev.lossd.v1.ComputeRequest;
import dev.lossd.v1.ComputeResponse;
import dev.lossd.v1.Dtype;
import dev.lossd.v1.LossSpec;
import dev.lossd.v1.SquaredNorm;
import dev.lossd.v1.Tensor;
import io.grpc.CallOptions;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.function.ToDoubleFunction;

/**
 * What this client costs its process beside a plain stub, in one run: {@code Cost HOST:PORT}. Processor time of this
 * process alone, calls of both in turn.
 */
public final class Cost {
  private static final OperatingSystemMXBean PROCESS =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
  private static final MethodDescriptor<ComputeRequest, ComputeResponse> PLAIN =
      MethodDescriptor.newBuilder(ProtoUtils.marshaller(ComputeRequest.getDefaultInstance()),
              ProtoUtils.marshaller(ComputeResponse.getDefaultInstance()))
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("lossd.v1.LossService/Compute")
          .build();
  private static final int ROUNDS = 5; // The first warms up.

  private Cost() {}

  private static ComputeRequest request(Tensor tensor) {
    return ComputeRequest.newBuilder()
        .setLoss(LossSpec.newBuilder().setSquaredNorm(SquaredNorm.getDefaultInstance()))
        .addInputs(tensor)
        .build();
  }

  private static float[] plain(ManagedChannel channel, float[] elements) {
    ByteBuffer bytes = ByteBuffer.allocate(elements.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(elements);
    Tensor tensor = Tensor.newBuilder()
        .setName("x.0")
        .setDtype(Dtype.DTYPE_FLOAT32)
        .addShape(elements.length)
        .setData(ByteString.copyFrom(bytes))
        .build();
    CallOptions options = CallOptions.DEFAULT.withMaxInboundMessageSize(256 << 20);
    ComputeResponse response = ClientCalls.blockingUnaryCall(channel, PLAIN, options, request(tensor));
    float[] gradient = new float[elements.length];
    ByteBuffer answer = response.getGradients(0).getData().asReadOnlyByteBuffer();
    answer.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(gradient);
    return gradient;
  }

  private static float[] ours(Client client, float[] elements) {
    ComputeResponse response = client.compute(request(Tensors.of("x.0", elements, elements.length)));
    return Tensors.floats(response.getGradients(0));
  }

  /** Microseconds of processor time a call. */
  private static double measure(int calls, float[] elements, ToDoubleFunction<float[]> call) {
    long start = PROCESS.getProcessCpuTime();
    for (int i = 0; i < calls; ++i) {
      if (call.applyAsDouble(elements) != 1.0) {
        throw new AssertionError("another gradient than the input");
      }
    }
    return (PROCESS.getProcessCpuTime() - start) * 1e-3 / calls;
  }

  public static void main(String[] arguments) {
    ManagedChannel channel = Grpc.newChannelBuilder(arguments[0], InsecureChannelCredentials.create()).build();
    Client client = Client.builder(arguments[0]).connect();
    System.out.println("     bytes         plain        lossd   ratio   microseconds of processor time a call");
    int[][] sizes = {{16, 5000}, {16 << 10, 2000}, {4 << 20, 30}};
    for (int[] size : sizes) {
      float[] elements = new float[size[0]];
      Arrays.fill(elements, 1);
      double plain = 0;
      double ours = 0;
      for (int round = 0; round < ROUNDS; ++round) {
        double plainNow = measure(size[1], elements, input -> plain(channel, input)[size[0] - 1]);
        double oursNow = measure(size[1], elements, input -> ours(client, input)[size[0] - 1]);
        plain += round == 0 ? 0 : plainNow / (ROUNDS - 1);
        ours += round == 0 ? 0 : oursNow / (ROUNDS - 1);
      }
      System.out.printf("%10d  %12.1f %12.1f  %6.2f%n", size[0] * 4, plain, ours, ours / plain);
    }
    System.exit(0);
  }
}
