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
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * What this client costs its process beside a plain stub, in one run: {@code Cost HOST:PORT}. Processor time of this
 * process alone, calls of both in turn. Prints JSON, as tests/conformance/README.md says.
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
  private static final double MEGABYTES = 2 * 4 * (1 << 20) / 1e6; // Both ways of a call of 2^20 elements.

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

  /** Microseconds that a call takes of the plain stub, and of ours. */
  private static double[] cost(ManagedChannel channel, Client client, int size, int calls) {
    float[] elements = new float[size];
    Arrays.fill(elements, 1);
    double[] costs = new double[2];
    for (int round = 0; round < ROUNDS; ++round) {
      double plain = measure(calls, elements, input -> plain(channel, input)[size - 1]);
      double ours = measure(calls, elements, input -> ours(client, input)[size - 1]);
      if (round > 0) {
        costs[0] += plain / (ROUNDS - 1);
        costs[1] += ours / (ROUNDS - 1);
      }
    }
    return costs;
  }

  public static void main(String[] arguments) {
    ManagedChannel channel = Grpc.newChannelBuilder(arguments[0], InsecureChannelCredentials.create()).build();
    Client client = Client.builder(arguments[0]).connect();
    double[] small = cost(channel, client, 4, 5000);
    double[] large = cost(channel, client, 1 << 20, 100);
    System.out.printf(Locale.ROOT,
        "{\"call_us\": %.1f, \"stub_call_us\": %.1f, \"mb_us\": %.1f, \"stub_mb_us\": %.1f}%n",
        small[1], small[0], large[1] / MEGABYTES, large[0] / MEGABYTES);
    System.exit(0);
  }
}
