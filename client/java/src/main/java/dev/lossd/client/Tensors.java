// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.client;

import com.google.protobuf.UnsafeByteOperations;
import dev.lossd.v1.ComputeResponse;
import dev.lossd.v1.Dtype;
import dev.lossd.v1.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Optional;

/**
 * Arrays to tensors and back. Arrays are row-major. Java cannot look at a {@code float[]} as bytes, so that arrays are
 * copied once on the way; buffers ({@link #of(String, Dtype, ByteBuffer, long...)}, {@link #floatBuffer}) are not. That
 * there are as many elements as the shape says, the server checks.
 */
public final class Tensors {
  private Tensors() {}

  /** A FLOAT32 tensor. */
  public static Tensor of(String name, float[] elements, long... shape) {
    ByteBuffer bytes = littleEndian(elements.length, Float.BYTES);
    bytes.asFloatBuffer().put(elements);
    return of(name, Dtype.DTYPE_FLOAT32, bytes, shape);
  }

  /** A FLOAT64 tensor. */
  public static Tensor of(String name, double[] elements, long... shape) {
    ByteBuffer bytes = littleEndian(elements.length, Double.BYTES);
    bytes.asDoubleBuffer().put(elements);
    return of(name, Dtype.DTYPE_FLOAT64, bytes, shape);
  }

  /** An INT32 tensor. */
  public static Tensor of(String name, int[] elements, long... shape) {
    ByteBuffer bytes = littleEndian(elements.length, Integer.BYTES);
    bytes.asIntBuffer().put(elements);
    return of(name, Dtype.DTYPE_INT32, bytes, shape);
  }

  /** An INT64 tensor. */
  public static Tensor of(String name, long[] elements, long... shape) {
    ByteBuffer bytes = littleEndian(elements.length, Long.BYTES);
    bytes.asLongBuffer().put(elements);
    return of(name, Dtype.DTYPE_INT64, bytes, shape);
  }

  /** A tensor of 16-bit elements ({@code DTYPE_FLOAT16}, {@code DTYPE_BFLOAT16}), given as their bits. */
  public static Tensor ofBits(String name, Dtype dtype, short[] bits, long... shape) {
    ByteBuffer bytes = littleEndian(bits.length, Short.BYTES);
    bytes.asShortBuffer().put(bits);
    return of(name, dtype, bytes, shape);
  }

  /** A BFLOAT16 tensor, of elements rounded to nearest, ties to even. */
  public static Tensor ofBfloat16(String name, float[] elements, long... shape) {
    short[] bits = new short[elements.length];
    for (int i = 0; i < bits.length; ++i) {
      bits[i] = HalfFloats.toBfloat16(elements[i]);
    }
    return ofBits(name, Dtype.DTYPE_BFLOAT16, bits, shape);
  }

  /** A FLOAT16 tensor, of elements rounded to nearest, ties to even. */
  public static Tensor ofFloat16(String name, float[] elements, long... shape) {
    short[] bits = new short[elements.length];
    for (int i = 0; i < bits.length; ++i) {
      bits[i] = HalfFloats.toFloat16(elements[i]);
    }
    return ofBits(name, Dtype.DTYPE_FLOAT16, bits, shape);
  }

  /**
   * A tensor over the remaining bytes of {@code elements}, which are little endian and are not copied: they must stay
   * as they are until the call has ended. Of a direct buffer as of an array's.
   */
  public static Tensor of(String name, Dtype dtype, ByteBuffer elements, long... shape) {
    Tensor.Builder tensor = Tensor.newBuilder().setName(name).setDtype(dtype);
    for (long extent : shape) {
      tensor.addShape(extent);
    }
    return tensor.setData(UnsafeByteOperations.unsafeWrap(elements)).build();
  }

  /** The elements' bytes, little endian and read-only, without a copy. */
  public static ByteBuffer bytes(Tensor tensor) {
    return tensor.getData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** The elements of a FLOAT32 tensor, without a copy. */
  public static FloatBuffer floatBuffer(Tensor tensor) {
    expect(tensor, Dtype.DTYPE_FLOAT32);
    return bytes(tensor).asFloatBuffer();
  }

  /** The elements of a FLOAT32 tensor, or, widened, of a FLOAT16 or BFLOAT16 one. */
  public static float[] floats(Tensor tensor) {
    boolean isFloat16 = tensor.getDtype() == Dtype.DTYPE_FLOAT16;
    if (!isFloat16 && tensor.getDtype() != Dtype.DTYPE_BFLOAT16) {
      FloatBuffer buffer = floatBuffer(tensor);
      float[] elements = new float[buffer.remaining()];
      buffer.get(elements);
      return elements;
    }
    short[] bits = bits(tensor);
    float[] elements = new float[bits.length];
    for (int i = 0; i < bits.length; ++i) {
      elements[i] = isFloat16 ? HalfFloats.fromFloat16(bits[i]) : HalfFloats.fromBfloat16(bits[i]);
    }
    return elements;
  }

  /** The elements of a FLOAT64 tensor. */
  public static double[] doubles(Tensor tensor) {
    expect(tensor, Dtype.DTYPE_FLOAT64);
    double[] elements = new double[tensor.getData().size() / Double.BYTES];
    bytes(tensor).asDoubleBuffer().get(elements);
    return elements;
  }

  /** The elements of an INT32 tensor. */
  public static int[] ints(Tensor tensor) {
    expect(tensor, Dtype.DTYPE_INT32);
    int[] elements = new int[tensor.getData().size() / Integer.BYTES];
    bytes(tensor).asIntBuffer().get(elements);
    return elements;
  }

  /** The bits of a tensor of 16-bit elements. */
  public static short[] bits(Tensor tensor) {
    if (tensor.getDtype() != Dtype.DTYPE_FLOAT16) {
      expect(tensor, Dtype.DTYPE_BFLOAT16);
    }
    short[] elements = new short[tensor.getData().size() / Short.BYTES];
    bytes(tensor).asShortBuffer().get(elements);
    return elements;
  }

  /** The output of this name. */
  public static Optional<Tensor> output(ComputeResponse response, String name) {
    return find(response.getOutputsList(), name);
  }

  /** The gradient of the input of this name. */
  public static Optional<Tensor> gradient(ComputeResponse response, String name) {
    return find(response.getGradientsList(), name);
  }

  private static Optional<Tensor> find(List<Tensor> tensors, String name) {
    return tensors.stream().filter(tensor -> tensor.getName().equals(name)).findFirst();
  }

  private static ByteBuffer littleEndian(int elements, int elementBytes) {
    return ByteBuffer.allocate(Math.multiplyExact(elements, elementBytes)).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static void expect(Tensor tensor, Dtype dtype) {
    if (tensor.getDtype() != dtype) {
      throw LossdException.usage(
          tensor.getName() + ": expected elements of " + dtype + ", got " + tensor.getDtype());
    }
  }
}
