// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class HalfFloatsTest {
  @Test
  void bfloat16IsRoundedToNearestEven() {
    assertEquals((short) 0x3F80, HalfFloats.toBfloat16(1.0f));
    assertEquals((short) 0x3F80, HalfFloats.toBfloat16(Float.intBitsToFloat(0x3F808000)), "a tie, even below");
    assertEquals((short) 0x3F82, HalfFloats.toBfloat16(Float.intBitsToFloat(0x3F818000)), "a tie, even above");
    assertEquals((short) 0x7F80, HalfFloats.toBfloat16(Float.MAX_VALUE), "infinity is nearest");
    assertTrue(Float.isNaN(HalfFloats.fromBfloat16(HalfFloats.toBfloat16(Float.intBitsToFloat(0x7F800001)))));
  }

  @Test
  void everyFloat16ComesBackToTheBit() {
    for (int bits = 0; bits < 1 << 16; ++bits) {
      float value = HalfFloats.fromFloat16((short) bits);
      if (!Float.isNaN(value)) {
        assertEquals((short) bits, HalfFloats.toFloat16(value), Integer.toHexString(bits));
      }
    }
    assertTrue(Float.isNaN(HalfFloats.fromFloat16((short) 0xFC01)));
    assertTrue(Float.isNaN(HalfFloats.fromFloat16(HalfFloats.toFloat16(Float.NaN))));
  }

  @Test
  void float16IsRoundedToNearestEven() {
    assertEquals((short) 0x3C00, HalfFloats.toFloat16(1 + 0x1p-11f), "a tie, even below");
    assertEquals((short) 0x3C02, HalfFloats.toFloat16(1 + 3 * 0x1p-11f), "a tie, even above");
    assertEquals((short) 0x7BFF, HalfFloats.toFloat16(65519.996f));
    assertEquals((short) 0x7C00, HalfFloats.toFloat16(65520f), "infinity is nearest");
    assertEquals((short) 0x0000, HalfFloats.toFloat16(0x1p-25f), "a tie, zero is even");
    assertEquals((short) 0x0400, HalfFloats.toFloat16(0x1.ffcp-15f + 0x1p-26f), "up into the normal ones");
  }
}
