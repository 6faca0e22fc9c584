// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import (
	"math"
	"testing"
)

func TestEveryHalfSurvivesTheWayToFloat32AndBack(t *testing.T) {
	for bits := range 1 << 16 {
		if value := BFloat16(bits).Float32(); value == value && ToBFloat16(value) != BFloat16(bits) {
			t.Fatalf("bfloat16 %#04x became %#04x", bits, ToBFloat16(value))
		}
		if value := Float16(bits).Float32(); value == value && ToFloat16(value) != Float16(bits) {
			t.Fatalf("float16 %#04x became %#04x", bits, ToFloat16(value))
		}
	}
}

func TestRoundsToTheNearestAndTiesToEven(t *testing.T) {
	for _, row := range []struct {
		value    float32
		bfloat16 BFloat16
		float16  Float16
	}{
		{1, 0x3f80, 0x3c00}, {-2.5, 0xc020, 0xc100}, {1 + 0x1p-8, 0x3f80, 0x3c04}, {1 + 0x3p-8, 0x3f82, 0x3c0c},
		{1 + 0x1p-11, 0x3f80, 0x3c00}, {1 + 0x3p-11, 0x3f80, 0x3c02}, {65519, 0x4780, 0x7bff}, {65520, 0x4780, 0x7c00},
		{0x1p-24, 0x3380, 0x0001}, {0x1p-25, 0x3300, 0x0000}, {0x3p-25, 0x33c0, 0x0002}, {-0x1p-14, 0xb880, 0x8400},
		{math.MaxFloat32, 0x7f80, 0x7c00}, {float32(math.Inf(-1)), 0xff80, 0xfc00},
	} {
		if got := ToBFloat16(row.value); got != row.bfloat16 {
			t.Errorf("bfloat16 of %v: expected %#04x, got %#04x", row.value, row.bfloat16, got)
		}
		if got := ToFloat16(row.value); got != row.float16 {
			t.Errorf("float16 of %v: expected %#04x, got %#04x", row.value, row.float16, got)
		}
	}
}

func TestNaNStaysNaN(t *testing.T) {
	for _, bits := range []uint32{0x7f800001, 0xffffffff, 0x7fc00000} {
		nan := math.Float32frombits(bits)
		if b, f := ToBFloat16(nan).Float32(), ToFloat16(nan).Float32(); b == b || f == f {
			t.Errorf("%#x became %v and %v", bits, b, f)
		}
	}
}
