// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lossd.v1.Dtype;
import dev.lossd.v1.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

class TensorsTest {
  @Test
  void arraysComeBackToTheBit() {
    float[] floats = {1, -2.5f, Float.NaN, Float.NEGATIVE_INFINITY, Float.MIN_VALUE};
    assertArrayEquals(floats, Tensors.floats(Tensors.of("x.0", floats, 5)));
    double[] doubles = {1, -2.5, 1e-300};
    assertArrayEquals(doubles, Tensors.doubles(Tensors.of("x.0", doubles, 3)));
    int[] ints = {1, -2, Integer.MAX_VALUE};
    assertArrayEquals(ints, Tensors.ints(Tensors.of("x.0", ints, 3)));
    short[] bits = {0x3C00, (short) 0xFBFF};
    assertArrayEquals(bits, Tensors.bits(Tensors.ofBits("x.0", Dtype.DTYPE_FLOAT16, bits, 2)));
  }

  @Test
  void halfFloatsAreWidened() {
    float[] floats = {1, -2};
    assertArrayEquals(floats, Tensors.floats(Tensors.ofBfloat16("x.0", floats, 2)));
    assertArrayEquals(floats, Tensors.floats(Tensors.ofFloat16("x.0", floats, 2)));
  }

  @Test
  void buffersAreNotCopied() {
    ByteBuffer elements = ByteBuffer.allocateDirect(8).order(ByteOrder.LITTLE_ENDIAN);
    Tensor tensor = Tensors.of("x.0", Dtype.DTYPE_FLOAT32, elements, 2);
    elements.asFloatBuffer().put(1, 7.0f);
    assertEquals(7.0f, Tensors.floatBuffer(tensor).get(1));
  }

  @Test
  void elementsOfAnotherTypeAreRefusedByName() {
    Tensor tensor = Tensors.of("z", new float[] {1}, 1);
    LossdException error = assertThrows(LossdException.class, () -> Tensors.doubles(tensor));
    assertEquals("z: expected elements of DTYPE_FLOAT64, got DTYPE_FLOAT32", error.getMessage());
  }
}
