// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Rows of contrastive scores: how they are cut into chunks, their exponentials, and stable functions of single numbers.

#ifndef LOSSD_CORE_LOSSES_ATEN_SCORE_ROWS_H_
#define LOSSD_CORE_LOSSES_ATEN_SCORE_ROWS_H_

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <algorithm>
#include <cstdint>

namespace lossd::aten {

// Scores of a group that are held at a time, unless one row has more: what a processor's caches hold, and what keeps a
// card busy, to which each chunk costs some forty launches.
inline constexpr int64_t kChunkScores = int64_t{1} << 20;
inline constexpr int64_t kCardChunkScores = int64_t{1} << 26;

// Rows of a chunk: by the shape of one group and the kind of device alone, for the sake of equal bits in every batch.
inline int64_t ChunkRows(int64_t rows, int64_t columns, at::Device device) {
  return std::clamp<int64_t>((device.is_cpu() ? kChunkScores : kCardChunkScores) / columns, 1, rows);
}

// Bytes of the score-sized temporaries of a chunk, with room for `copies` of them.
inline int64_t ChunkBytes(int64_t rows, int64_t columns, int64_t copies, int64_t element_bytes, at::Device device) {
  return ChunkRows(rows, columns, device) * columns * copies * element_bytes;
}

// What ExponentiateRows has taken out of the rows: the sum of the original exponentials is exp(maximum) * sum. Both
// [G, rows], float64.
struct RowSums {
  at::Tensor maximum;  // 0 for a row that is all -inf.
  at::Tensor sum;

  at::Tensor log_sum_exp() const;
  // The maximum, -inf for a row that is all -inf.
  at::Tensor log_maximum() const;
};

// Replaces `scores` [G, rows, columns] by exp(score - maximum of its row); -inf, which masks, becomes 0.
RowSums ExponentiateRows(at::Tensor& scores);

// factor / sum, or 0 where the sum is 0 (a row that is all masked).
at::Tensor DividedBySum(const at::Tensor& factor, const at::Tensor& sum);

// log(1 + exp(x)), and 1 / (1 + exp(-x)), which is its derivative.
at::Tensor Softplus(const at::Tensor& x);
at::Tensor Sigmoid(const at::Tensor& x);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_SCORE_ROWS_H_
