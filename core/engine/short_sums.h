// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Matrix products whose sums are formed in short runs. Rows of embeddings may be far from orthogonal: then terms have
// one sign, and the roundings of a long sum add up.

#ifndef LOSSD_CORE_ENGINE_SHORT_SUMS_H_
#define LOSSD_CORE_ENGINE_SHORT_SUMS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/engine/gemm.h"

namespace lossd {

// Most terms of a sum that is formed in one go.
inline constexpr int64_t kShortSum = 64;

// How many terms are best formed in one go where there are `sums` sums of `terms` each. The roundings of equal terms in
// n runs of r come to about sqrt((r / n + n) / 17) times half an ulp of the whole: in one run of 64 to 2, in this to
// 1.2. Runs of 32 take a tenth longer than those of 64 and are for the few alone: a mean over many hides it.
constexpr int64_t ShortSum(int64_t terms, int64_t sums) {
  constexpr int64_t kFewSums = int64_t{1} << 18;
  if (terms >= 256 || sums > kFewSums) return kShortSum;
  return terms <= 32 ? 16 : 32;
}

// c (+)= factor a b as Gemm, in sums of at most `run` terms, which are added in order.
template <typename T>
void MultiplyInShortSums(int64_t m, int64_t n, int64_t k, int64_t run, T factor, MatrixView<T> a, MatrixView<T> b,
                         bool add, T* c, int64_t c_stride) {
  for (int64_t first = 0; first < k; first += run) {
    Gemm(m, n, std::min(run, k - first), factor, a, b, add || first > 0, c, c_stride);
    a.data += run * a.column_stride;
    b.data += run * b.row_stride;
  }
}

// Most terms whose runs are added one behind the other. Of more, groups of so many are summed by themselves: sums of
// 2048 equal terms have half the roundings then.
inline constexpr int64_t kLongSum = 512;

// c = factor a b, in runs of `run` terms and, where k > kLongSum, in groups of runs, through `scratch`, m * n elements
// (then alone).
template <typename T>
void MultiplyInGroups(int64_t m, int64_t n, int64_t k, int64_t run, T factor, MatrixView<T> a, MatrixView<T> b,
                      T* scratch, T* c) {
  for (int64_t first = 0; first < k; first += kLongSum) {
    T* const sum = first == 0 ? c : scratch;
    MultiplyInShortSums(m, n, std::min(kLongSum, k - first), run, factor, a, b, false, sum, n);
    for (int64_t i = 0; first > 0 && i < m * n; ++i) c[i] += scratch[i];
    a.data += kLongSum * a.column_stride;
    b.data += kLongSum * b.row_stride;
  }
}

// The same with the m rows of `a` (row-major) scaled by 2^-exponent first, through `scratch`, m times kShortSum
// elements: for products that would leave the range of T.
template <typename T>
void MultiplyScaledInShortSums(int64_t m, int64_t n, int64_t k, T factor, MatrixView<T> a, int exponent,
                               MatrixView<T> b, T* scratch, T* c, int64_t c_stride) {
  for (int64_t first = 0; first < k; first += kShortSum) {
    const int64_t count = std::min(kShortSum, k - first);
    for (int64_t r = 0; r < m; ++r) {
      for (int64_t i = 0; i < count; ++i) {
        scratch[r * kShortSum + i] = std::ldexp(a.data[r * a.row_stride + first + i], -exponent);
      }
    }
    Gemm(m, n, count, factor, MatrixView<T>::RowMajor(scratch, kShortSum), b, first > 0, c, c_stride);
    b.data += kShortSum * b.row_stride;
  }
}

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SHORT_SUMS_H_
