// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.lossd.client.LossdException;
import dev.lossd.client.Tensors;
import dev.lossd.v1.ComputeRequest;
import dev.lossd.v1.ComputeResponse;
import dev.lossd.v1.Dtype;
import dev.lossd.v1.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.StreamSupport;

/** A message of a case: the request, and what is expected of its answer. */
final class ConformanceMessage {
  private final ComputeRequest request;
  private final JsonObject expect;

  ConformanceMessage(JsonObject json) throws IOException {
    ComputeRequest.Builder builder =
        ComputeRequest.parseFrom(Base64.getDecoder().decode(json.get("request_binary").getAsString())).toBuilder();
    for (JsonElement input : json.getAsJsonArray("inputs")) {
      builder.addInputs(input(input.getAsJsonObject()));
    }
    request = builder.build();
    expect = json.getAsJsonObject("expect");
  }

  ComputeRequest request() {
    return request;
  }

  static void ensure(boolean condition, Supplier<String> text) {
    if (!condition) {
      throw new AssertionError(text.get());
    }
  }

  private static List<JsonElement> list(JsonObject json, String member) {
    JsonArray array = json.has(member) ? json.getAsJsonArray(member) : new JsonArray();
    return StreamSupport.stream(array.spliterator(), false).toList();
  }

  private static long[] shape(JsonObject json) {
    return list(json, "shape").stream().mapToLong(JsonElement::getAsLong).toArray();
  }

  private static Tensor input(JsonObject json) {
    String name = json.get("name").getAsString();
    Dtype dtype = Dtype.valueOf("DTYPE_" + json.get("dtype").getAsString());
    long[] shape = shape(json);
    if (json.has("data")) {
      ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(json.get("data").getAsString()));
      return array(name, dtype, bytes.order(ByteOrder.LITTLE_ENDIAN), shape);
    }
    JsonObject rule = json.getAsJsonObject("fill");
    long step = rule.get("step").getAsLong();
    long modulus = rule.get("modulus").getAsLong();
    double offset = rule.get("offset").getAsDouble();
    double scale = rule.get("scale").getAsDouble();
    int count = (int) LongStream.of(shape).reduce(1, (a, b) -> a * b);
    double[] elements = IntStream.range(0, count).mapToDouble(i -> scale * (i * step % modulus + offset)).toArray();
    return filled(name, dtype, elements, shape);
  }

  /** Through arrays of Java's own types, where there is one. */
  private static Tensor array(String name, Dtype dtype, ByteBuffer bytes, long[] shape) {
    switch (dtype) {
      case DTYPE_FLOAT32:
        float[] floats = new float[bytes.remaining() / 4];
        bytes.asFloatBuffer().get(floats);
        return Tensors.of(name, floats, shape);
      case DTYPE_FLOAT64:
        double[] doubles = new double[bytes.remaining() / 8];
        bytes.asDoubleBuffer().get(doubles);
        return Tensors.of(name, doubles, shape);
      case DTYPE_FLOAT16:
      case DTYPE_BFLOAT16:
        short[] bits = new short[bytes.remaining() / 2];
        bytes.asShortBuffer().get(bits);
        return Tensors.ofBits(name, dtype, bits, shape);
      default:
        return Tensors.of(name, dtype, bytes, shape);
    }
  }

  private static Tensor filled(String name, Dtype dtype, double[] elements, long[] shape) {
    float[] floats = new float[elements.length];
    for (int i = 0; i < floats.length; ++i) {
      floats[i] = (float) elements[i];
    }
    switch (dtype) {
      case DTYPE_FLOAT32:
        return Tensors.of(name, floats, shape);
      case DTYPE_BFLOAT16:
        return Tensors.ofBfloat16(name, floats, shape);
      case DTYPE_FLOAT16:
        return Tensors.ofFloat16(name, floats, shape);
      case DTYPE_FLOAT64:
        return Tensors.of(name, elements, shape);
      default:
        ByteBuffer bytes = ByteBuffer.allocate(elements.length * 8).order(ByteOrder.LITTLE_ENDIAN);
        for (double element : elements) {
          switch (dtype) {
            case DTYPE_INT32 -> bytes.putInt((int) element);
            case DTYPE_INT64 -> bytes.putLong((long) element);
            default -> bytes.put((byte) element);
          }
        }
        return Tensors.of(name, dtype, bytes.flip(), shape);
    }
  }

  void check(ComputeResponse response) {
    ensure(!expect.has("error"), () -> "expected " + expect.get("error") + ", got an answer");
    if (expect.has("objective")) {
      JsonObject objective = expect.getAsJsonObject("objective");
      boolean near = isNear(response.getObjective(), objective.get("value"), objective.get("tolerance").getAsDouble());
      ensure(near, () -> "objective: expected " + objective + ", got " + response.getObjective());
    }
    check("outputs", response.getOutputsList());
    check("gradients", response.getGradientsList());
    if (expect.has("nonfinite")) {
      Set<String> names = new TreeSet<>(list(expect, "nonfinite").stream().map(JsonElement::getAsString).toList());
      Set<String> got = new TreeSet<>(response.getNonfiniteList()); // A gradient has its input's name.
      ensure(names.equals(got), () -> "nonfinite: expected " + names + ", got " + got);
    }
  }

  private void check(String member, List<Tensor> got) {
    if (!expect.has(member)) {
      return;
    }
    List<JsonElement> expected = list(expect, member);
    ensure(expected.size() == got.size(), () -> member + ": expected " + expected.size() + ", got " + got.size());
    for (int i = 0; i < got.size(); ++i) {
      check(member + "[" + i + "]", expected.get(i).getAsJsonObject(), got.get(i));
    }
  }

  private void check(String where, JsonObject expected, Tensor got) {
    boolean same = got.getName().equals(expected.get("name").getAsString())
        && got.getDtype().name().equals("DTYPE_" + expected.get("dtype").getAsString())
        && got.getShapeList().equals(LongStream.of(shape(expected)).boxed().toList());
    ensure(same, () -> where + ": expected " + expected.get("name") + expected.get("dtype") + expected.get("shape")
        + ", got " + got.getName() + got.getDtype() + got.getShapeList());
    if (expected.has("equals_input")) {
      String name = expected.get("equals_input").getAsString();
      boolean equal = request.getInputsList().stream()
          .anyMatch(input -> input.getName().equals(name) && input.getData().equals(got.getData()));
      ensure(equal, () -> where + ": expected the bytes of " + name + ", got others");
    }
    if (expected.has("values")) {
      List<JsonElement> values = list(expected, "values");
      double tolerance = expected.get("tolerance").getAsDouble();
      double[] elements = elements(got);
      ensure(values.size() == elements.length,
          () -> where + ": expected " + values.size() + ", got " + elements.length);
      for (int i = 0; i < elements.length; ++i) {
        int at = i;
        ensure(isNear(elements[i], values.get(i), tolerance), () -> where + "[" + at + "]: expected " + values.get(at)
            + " within " + tolerance + ", got " + elements[at]);
      }
    }
  }

  private static double[] elements(Tensor tensor) {
    switch (tensor.getDtype()) {
      case DTYPE_FLOAT64:
        return Tensors.doubles(tensor);
      case DTYPE_INT32:
        return IntStream.of(Tensors.ints(tensor)).asDoubleStream().toArray();
      default:
        float[] floats = Tensors.floats(tensor);
        return IntStream.range(0, floats.length).mapToDouble(i -> floats[i]).toArray();
    }
  }

  private static boolean isNear(double got, JsonElement expected, double tolerance) {
    if (expected.getAsJsonPrimitive().isString()) {
      return switch (expected.getAsString()) {
        case "nan" -> Double.isNaN(got);
        case "inf" -> got == Double.POSITIVE_INFINITY;
        default -> got == Double.NEGATIVE_INFINITY;
      };
    }
    return Math.abs(got - expected.getAsDouble()) <= tolerance;
  }

  /** Of a call that the caller cancelled. */
  void check(CancellationException cancelled) {
    ensure(list(expect.getAsJsonObject("error"), "code").toString().contains("CANCELLED"), () -> "got " + cancelled);
  }

  void check(LossdException error) {
    ensure(expect.has("error"), error::toString);
    JsonObject expected = expect.getAsJsonObject("error");
    List<String> codes = list(expected, "code").stream().map(JsonElement::getAsString).toList();
    ensure(codes.contains(error.code().name()), () -> "expected " + codes + ", got " + error);
    if (expected.has("field")) {
      String field = expected.get("field").getAsString();
      ensure(error.fieldViolations().stream().anyMatch(violation -> violation.getField().equals(field)),
          () -> "expected field " + field + ", got " + error.fieldViolations());
    }
    if (expected.has("quota")) {
      ensure(error.quotaViolations().isEmpty() != expected.get("quota").getAsBoolean(), () -> "quota: " + error);
    }
    if (expected.has("retry_delay")) {
      boolean wanted = expected.get("retry_delay").getAsBoolean();
      ensure(error.retryDelay().isPresent() == wanted, () -> "retry_delay: " + error);
    }
    for (JsonElement text : list(expected, "text")) {
      boolean holds = error.getMessage().toLowerCase(Locale.ROOT).contains(text.getAsString().toLowerCase(Locale.ROOT));
      ensure(holds, () -> "expected " + text + " in " + error);
    }
    if (expected.has("origin")) {
      String origin = error.origin() == LossdException.Origin.SERVER ? "server" : "client";
      String wanted = expected.get("origin").getAsString();
      ensure(origin.equals(wanted), () -> "expected " + wanted + ", got " + error);
    }
  }
}
