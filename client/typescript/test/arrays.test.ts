// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBfloat16, fromFloat16, fromTensor, toBfloat16, toFloat16, toTensor } from "../src/arrays.js";
import { Dtype } from "../src/shared.js";

test("tensors share their array's memory, there and back", () => {
  const data = new Float32Array([1, 2, 3, 4, 5, 6]);
  const tensor = toTensor("x.0", { data: data.subarray(2), shape: [2, 2] });
  assert.equal(tensor.dtype, Dtype.FLOAT32);
  assert.equal(tensor.data.buffer, data.buffer);
  const back = fromTensor(tensor);
  assert.equal(back.data.buffer, data.buffer);
  assert.deepEqual([...back.data], [3, 4, 5, 6]);
  assert.deepEqual(back.shape, [2, 2]);
});

test("bytes that lie across the alignment are copied, not misread", () => {
  const bytes = new Uint8Array(17);
  bytes.set(new Uint8Array(new Float64Array([1.5, -2]).buffer), 1);
  const { data } = fromTensor({ ...toTensor("", { data: new Float64Array(2), shape: [2] }), data: bytes.subarray(1) });
  assert.deepEqual([...data], [1.5, -2]);
});

test("every array type has its dtype; a Uint16Array must say which", () => {
  for (const [data, dtype] of [[new Float64Array(1), Dtype.FLOAT64], [new Int32Array(1), Dtype.INT32], [new BigInt64Array(1), Dtype.INT64],
    [new Uint8Array(1), Dtype.UINT8]] as const) {
    assert.equal(toTensor("x", { data, shape: [1] }).dtype, dtype);
  }
  assert.equal(toTensor("x", { data: new Uint16Array(1), shape: [], dtype: Dtype.BFLOAT16 }).dtype, Dtype.BFLOAT16);
  assert.throws(() => toTensor("x.0", { data: new Uint16Array(1), shape: [1] }), /inputs\[x\.0\]: expected dtype FLOAT16 or BFLOAT16/);
  assert.throws(() => toTensor("x.0", { data: new Float32Array(1), shape: [1], dtype: Dtype.FLOAT64 }), /expected an array of FLOAT64, got Float32Array/);
  assert.throws(() => toTensor("x.0", { data: [1] as never, shape: [1] }), /got Array/);
});

test("a shape of other elements than the array has is refused by name", () => {
  assert.throws(() => toTensor("z", { data: new Float32Array(5), shape: [2, 3] }), /inputs\[z\]\.shape: expected a shape of 5 elements, got \[2,3\]/);
});

test("every half survives the way to float32 and back", () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
  for (const [widen, narrow] of [[fromBfloat16, toBfloat16], [fromFloat16, toFloat16]] as const) {
    const wide = widen(all);
    const back = narrow(wide);
    for (let i = 0; i < 65536; ++i) {
      if (Number.isNaN(wide[i])) assert.ok(Number.isNaN(widen(back.subarray(i, i + 1))[0]), `${i}`);
      else assert.equal(back[i], i);
    }
  }
});

test("halves are rounded to the nearest, ties to even", () => {
  const values = new Float32Array([1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 3 * 2 ** -25, -Infinity]);
  assert.deepEqual([...toBfloat16(values)], [0x3f80, 0x3f82, 0x3f80, 0x3f80, 0x4780, 0x4780, 0x3300, 0x33c0, 0xff80]);
  assert.deepEqual([...toFloat16(values)], [0x3c04, 0x3c0c, 0x3c00, 0x3c02, 0x7bff, 0x7c00, 0, 2, 0xfc00]);
});
