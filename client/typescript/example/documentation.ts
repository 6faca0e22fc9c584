// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The reference's documentation example, on Node and in a browser alike.

import type { NdArray, Request, Result } from "../src/shared.js";

/** Draws as torch.rand does: mt19937, the low 24 bits of each word. */
function torchRand(seed: number): (count: number) => Float32Array {
  const n = 624;
  const state = new Uint32Array(n);
  state[0] = seed;
  for (let i = 1; i < n; ++i) state[i] = Math.imul(1812433253, state[i - 1]! ^ (state[i - 1]! >>> 30)) + i;
  let at = 0;
  return (count) => Float32Array.from({ length: count }, () => {
    const y = (state[at]! & 0x80000000) | (state[(at + 1) % n]! & 0x7fffffff);
    let word = state[(at + 397) % n]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    state[at] = word;
    at = (at + 1) % n;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    word ^= word >>> 18;
    return (word & 0xffffff) / 2 ** 24;
  });
}

/** What the documentation computes, with the draws that follow those of the inputs. */
export function documentationRequest(): Request {
  const draw = torchRand(0);
  const map = (): NdArray => ({ data: draw(60), shape: [3, 5, 2, 2] });
  const sampling = { source: { case: "seed" as const, value: { torchSeed: 0n, torchSkip: 240n } } };
  return {
    loss: { case: "featureMapContrastive", value: { comparisons: "01, 11", sampling } },
    inputs: { "anchor.0": map(), "anchor.1": map(), "positive.0": map(), "positive.1": map() },
  };
}

export function described({ outputs, gradients }: Result): string {
  const losses = [...(outputs["losses"]!.data as Float32Array)].map((loss) => loss.toFixed(4)).join(" ");
  const sum = (gradients["anchor.0"]!.data as Float32Array).reduce((total, value) => total + Math.abs(value), 0);
  return `losses ${losses}, sum of |d anchor.0| ${sum.toFixed(4)}`;
}
