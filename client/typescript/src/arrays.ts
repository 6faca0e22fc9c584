// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Typed arrays to tensors and back.

import { create } from "@bufbuild/protobuf";
import { Dtype, TensorSchema, type Tensor } from "./gen/lossd/v1/tensor_pb.js";

/** What holds a tensor's elements. Float16 and bfloat16 are bits in a Uint16Array: see toBfloat16, fromBfloat16. */
export type Elements = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array;

/** A dense array, elements in C order. */
export interface NdArray {
  readonly data: Elements;
  readonly shape: readonly number[];
  /** Needed for a Uint16Array: Dtype.FLOAT16 or Dtype.BFLOAT16. */
  readonly dtype?: Dtype;
}

/** An array of an answer. */
export type Answered = Required<NdArray>;

type Constructor = { new (buffer: ArrayBufferLike, offset: number, length: number): Elements; BYTES_PER_ELEMENT: number };

const TYPES = new Map<Dtype, Constructor>([
  [Dtype.FLOAT32, Float32Array], [Dtype.FLOAT64, Float64Array], [Dtype.INT32, Int32Array], [Dtype.INT64, BigInt64Array],
  [Dtype.UINT8, Uint8Array], [Dtype.FLOAT16, Uint16Array], [Dtype.BFLOAT16, Uint16Array],
]);

if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) throw new Error("lossd: this machine is not little endian, as the wire is");

function dtypeOf(name: string, { data, dtype }: NdArray): Dtype {
  for (const [known, type] of TYPES) {
    if (data instanceof type && (dtype === undefined ? type !== Uint16Array : dtype === known)) return known;
  }
  const asked = dtype === undefined ? "dtype FLOAT16 or BFLOAT16 beside a Uint16Array, or another typed array" : `an array of ${Dtype[dtype]}`;
  throw new TypeError(`inputs[${name}]: expected ${asked}, got ${data?.constructor?.name}`);
}

/** A tensor over the array's own memory: nothing is copied. */
export function toTensor(name: string, array: NdArray): Tensor {
  const dtype = dtypeOf(name, array);
  const { buffer, byteOffset, byteLength, length } = array.data;
  const elements = array.shape.reduce((product, extent) => product * extent, 1);
  if (elements !== length) {
    throw new TypeError(`inputs[${name}].shape: expected a shape of ${length} elements, got [${array.shape}]`);
  }
  return create(TensorSchema, { name, dtype, shape: array.shape.map(BigInt), data: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength) });
}

/** A view of a tensor's bytes; a copy where they lie across the type's alignment. */
export function fromTensor(tensor: Tensor): Answered {
  const type = TYPES.get(tensor.dtype);
  if (type === undefined) throw new TypeError(`${tensor.name}: expected a dtype of this version, got ${tensor.dtype}`);
  const size = type.BYTES_PER_ELEMENT;
  if (tensor.data.byteLength % size !== 0) throw new TypeError(`${tensor.name}: expected a multiple of ${size} bytes, got ${tensor.data.byteLength}`);
  const bytes = tensor.data.byteOffset % size === 0 ? tensor.data : tensor.data.slice();
  return { dtype: tensor.dtype, shape: tensor.shape.map(Number), data: new type(bytes.buffer, bytes.byteOffset, bytes.byteLength / size) };
}

/** Rounds to bfloat16, the nearest, ties to even. */
export function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const result = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; ++i) {
    const word = bits[i]!;
    const nan = (word & 0x7fffffff) > 0x7f800000; // Rounding could make an infinity of it.
    result[i] = nan ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return result;
}

/** Widens bfloat16, exactly. */
export function fromBfloat16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < bits.length; ++i) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}

/** Rounds to float16, the nearest, ties to even. */
export function toFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const scratch = new Float32Array(1);
  const sum = new Uint32Array(scratch.buffer);
  return Uint16Array.from(bits, (word, i) => {
    const sign = (word >>> 16) & 0x8000;
    const magnitude = Math.abs(values[i]!);
    if (Number.isNaN(magnitude)) return sign | 0x7e00;
    if (magnitude >= 65520) return sign | 0x7c00; // Halfway between the largest and what would be next.
    if (magnitude < 2 ** -14) { // Subnormal: a multiple of 2^-24, as adding 0.5 leaves it.
      scratch[0] = magnitude + 0.5;
      return sign | (sum[0]! - 0x3f000000);
    }
    const rebased = (word & 0x7fffffff) - (112 << 23);
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  });
}

/** Widens float16, exactly. */
export function fromFloat16(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >>> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
    return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
