// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/cuda/score_kernels.h"

namespace lossd {
namespace {

constexpr int kThreads = 256;

// Adds the threads' values into the first one's, pair by pair.
template <typename Value, typename AddTo>
__device__ void Reduce(Value* values, AddTo add_to) {
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) add_to(values[threadIdx.x], values[threadIdx.x + half]);
  }
}

__global__ void RowSweep(ScoreTile<float> tile, ScoreLink<float> link, ScoreRule rule, RunningSum<float>* sums,
                         float* own) {
  __shared__ float maxima[kThreads];
  __shared__ float parts[kThreads];
  const int64_t row = blockIdx.x;
  const RunningSum<float> mine =
      SweepRow(tile, row, link, rule, own + row * rule.pairs, static_cast<int>(threadIdx.x), kThreads);
  maxima[threadIdx.x] = mine.maximum;
  parts[threadIdx.x] = mine.sum;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x >= half) continue;
    RunningSum<float> left{maxima[threadIdx.x], parts[threadIdx.x]};
    left.Add(RunningSum<float>{maxima[threadIdx.x + half], parts[threadIdx.x + half]});
    maxima[threadIdx.x] = left.maximum;
    parts[threadIdx.x] = left.sum;
  }
  if (threadIdx.x == 0) sums[row].Add(RunningSum<float>{maxima[0], parts[0]});
}

__global__ void ScoreGradient(ScoreTile<float> tile, ScoreLink<float> link, ScoreRule rule,
                              const RunningSum<float>* sums, const float* weights, const float* own) {
  const int64_t row = blockIdx.x;
  const RowGradient<float> gradient{sums[row].maximum, weights[row], own + row * rule.pairs};
  for (int64_t c = threadIdx.x; c < tile.columns; c += kThreads) {
    WriteScoreGradient(tile, row, c, link, rule, gradient);
  }
}

__global__ void SigmoidSweep(ScoreTile<float> tile, ScoreLink<float> link, ScoreRule rule, float weight,
                             float* losses) {
  __shared__ float parts[kThreads];
  const int64_t row = blockIdx.x;
  parts[threadIdx.x] = SweepSigmoidRow(tile, row, link, rule, weight, static_cast<int>(threadIdx.x), kThreads);
  Reduce(parts, [](float& left, float right) { left += right; });
  if (threadIdx.x == 0) losses[row] += parts[0];
}

absl::Status Launched() {
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? absl::OkStatus() : absl::InternalError(cudaGetErrorString(error));
}

}  // namespace

absl::Status LaunchRowSweep(const ScoreTile<float>& tile, int64_t rows, const ScoreLink<float>& link,
                            const ScoreRule& rule, RunningSum<float>* sums, float* own, cudaStream_t stream) {
  RowSweep<<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(tile, link, rule, sums, own);
  return Launched();
}

absl::Status LaunchScoreGradient(const ScoreTile<float>& tile, int64_t rows, const ScoreLink<float>& link,
                                 const ScoreRule& rule, const RunningSum<float>* sums, const float* weights,
                                 const float* own, cudaStream_t stream) {
  ScoreGradient<<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(tile, link, rule, sums, weights, own);
  return Launched();
}

absl::Status LaunchSigmoidSweep(const ScoreTile<float>& tile, int64_t rows, const ScoreLink<float>& link,
                                const ScoreRule& rule, float weight, float* losses, cudaStream_t stream) {
  SigmoidSweep<<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(tile, link, rule, weight, losses);
  return Launched();
}

}  // namespace lossd
