// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// score_sweeps.h as kernels: one block of threads a row. Which thread adds what, and in which order, depends on the
// tile's shape alone.

#ifndef LOSSD_CORE_ENGINE_CUDA_SCORE_KERNELS_H_
#define LOSSD_CORE_ENGINE_CUDA_SCORE_KERNELS_H_

#include <cuda_runtime_api.h>

#include <cstdint>

#include "absl/status/status.h"
#include "core/engine/cuda/score_sweeps.h"

namespace lossd {

// The functions below append to `stream`; all pointers are the device's. INTERNAL where the launch fails.

// Sweeps `rows` rows of the tile and adds what it finds to sums[row], and the rows' own scores, which lie in this tile,
// to own[row * rule.pairs + index].
absl::Status LaunchRowSweep(const ScoreTile<float>& tile, int64_t rows, const ScoreLink<float>& link,
                            const ScoreRule& rule, RunningSum<float>* sums, float* own, cudaStream_t stream);

// Turns `rows` rows of the tile into the gradient by the raw scores: weights[row] * exp(s - sums[row].maximum), own
// columns as in `own`, times the link's slope.
absl::Status LaunchScoreGradient(const ScoreTile<float>& tile, int64_t rows, const ScoreLink<float>& link,
                                 const ScoreRule& rule, const RunningSum<float>* sums, const float* weights,
                                 const float* own, cudaStream_t stream);

// Both at once where every pair counts for itself: adds each row's loss to losses[row].
absl::Status LaunchSigmoidSweep(const ScoreTile<float>& tile, int64_t rows, const ScoreLink<float>& link,
                                const ScoreRule& rule, float weight, float* losses, cudaStream_t stream);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CUDA_SCORE_KERNELS_H_
