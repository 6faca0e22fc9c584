// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import "math"

// BFloat16 holds the bits of a bfloat16, the upper half of a float32.
type BFloat16 uint16

// Float16 holds the bits of an IEEE 754 binary16.
type Float16 uint16

// ToBFloat16 rounds to the nearest, ties to even.
func ToBFloat16(value float32) BFloat16 {
	bits := math.Float32bits(value)
	if value != value {
		return BFloat16(bits>>16 | 0x40) // Rounding could make an infinity of it.
	}
	return BFloat16((bits + 0x7fff + bits>>16&1) >> 16)
}

// Float32 widens, exactly.
func (b BFloat16) Float32() float32 { return math.Float32frombits(uint32(b) << 16) }

// ToFloat16 rounds to the nearest, ties to even.
func ToFloat16(value float32) Float16 {
	bits := math.Float32bits(value)
	sign, magnitude := Float16(bits>>16&0x8000), math.Float32frombits(bits&0x7fffffff)
	switch {
	case value != value:
		return sign | 0x7e00
	case magnitude >= 65520: // Halfway between the largest and what would be next.
		return sign | 0x7c00
	case magnitude < 0x1p-14: // Subnormal: a multiple of 2^-24, as adding 0.5 leaves it.
		return sign | Float16(math.Float32bits(magnitude+0.5)-math.Float32bits(0.5))
	}
	bits = bits&0x7fffffff - (127-15)<<23
	return sign | Float16((bits+0xfff+bits>>13&1)>>13)
}

// Float32 widens, exactly.
func (f Float16) Float32() float32 {
	sign, exponent, fraction := uint32(f&0x8000)<<16, uint32(f>>10&0x1f), uint32(f&0x3ff)
	switch exponent {
	case 0:
		return math.Float32frombits(math.Float32bits(float32(fraction)*0x1p-24) | sign)
	case 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}
