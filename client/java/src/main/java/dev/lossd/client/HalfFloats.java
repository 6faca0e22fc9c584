// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.client;

/** Conversions of 16-bit floats, which Java has no types for: to the nearest value, ties to even. */
final class HalfFloats {
  private static final int FLOAT16_OVERFLOW = 0x477FF000; // 65520: from here on infinity is nearest.
  private static final int FLOAT16_NORMAL = 0x38800000; // 2^-14.

  private HalfFloats() {}

  static short toBfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) (bits >>> 16 | 0x40); // Rounding could make an infinity of it.
    }
    return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
  }

  static float fromBfloat16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  static short toFloat16(float value) {
    int sign = Float.floatToRawIntBits(value) >>> 16 & 0x8000;
    int size = Float.floatToRawIntBits(value) & 0x7FFFFFFF;
    if (Float.isNaN(value)) {
      return (short) (sign | 0x7E00);
    }
    if (size >= FLOAT16_OVERFLOW) {
      return (short) (sign | 0x7C00);
    }
    if (size < FLOAT16_NORMAL) { // Multiples of 2^-24.
      return (short) (sign | (int) Math.rint(Math.scalb((double) Math.abs(value), 24)));
    }
    return (short) (sign | size - (112 << 23) + 0xFFF + (size >>> 13 & 1) >>> 13);
  }

  static float fromFloat16(short bits) {
    int exponent = bits >>> 10 & 0x1F;
    int fraction = bits & 0x3FF;
    int sign = (bits & 0x8000) << 16;
    if (exponent == 0) {
      return Math.copySign(Math.scalb((float) fraction, -24), Float.intBitsToFloat(sign | 0x3F800000));
    }
    return Float.intBitsToFloat(sign | (exponent == 0x1F ? 0xFF : exponent + 112) << 23 | fraction << 13);
  }
}
