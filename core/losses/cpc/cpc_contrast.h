// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// CPC's contrast between predictions and targets. With S[p, t] = embed_scale <prediction_p, target_t> over all targets
// t of the batch, LSE_p the log-sum-exp of row p, and pick(p, i) the target i + 1 rows below p in the same column:
//   L_i  = mean over the p that have a pick(p, i) of LSE_p - S[p, pick(p, i)]        (n_i = B (h - i - 1) w of them)
//   loss = sum over i of weight_i L_i
// Its gradient with respect to S[p, t], with e = exp(S - LSE_p) and a_r = sum over the steps of row r of weight_i /
// n_i:
//   a_r e[p, t]                                                   for t that no step picks
//   (a_r - weight_i / n_i) e[p, t] - weight_i / n_i (1 - e[p, t])  for t = pick(p, i)
// where 1 - e is formed as the sum of the others. One log-sum-exp a row serves all steps.

#ifndef LOSSD_CORE_LOSSES_CPC_CPC_CONTRAST_H_
#define LOSSD_CORE_LOSSES_CPC_CPC_CONTRAST_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "core/engine/parallel.h"
#include "core/engine/workspace.h"
#include "core/losses/loss_config.h"

namespace lossd {

struct CpcContrastShape {
  int64_t batch;   // B
  int64_t height;  // h >= 3
  int64_t width;   // w
  int64_t dim;     // D

  int64_t steps() const { return height - 2; }                     // i = 1 .. steps.
  int64_t predictions() const { return steps() * width * batch; }  // Rows 0 .. h - 3.
  int64_t targets() const { return height * width * batch; }
  int64_t step_predictions(int64_t i) const { return batch * (height - i - 1) * width; }  // n_i
};

// weight_i of the loss.
inline double CpcStepWeight(StepWeighting weighting, int64_t i) {
  return weighting == StepWeighting::kUniform ? 1.0 : static_cast<double>(i);
}

// Memory of a contrast.
template <typename T>
struct CpcContrastMemory {
  T* scores;             // [rows of a wave, targets]
  T* score_columns;      // The targets, packed for the product that makes scores.
  T* gradient_columns;   // The targets, packed for the product that makes the predictions' gradient.
  T* wave_columns;       // A wave's predictions, packed for the product that makes the targets' gradient.
  double* step_factors;  // [steps]: weight_i / n_i.
  double* row_factors;   // [steps]: a_r of row r.
  double* chunk_sums;    // [chunks of a wave, 4, steps]: sums of the steps' terms, and what a row needs at a time.
  std::byte* wide;       // Float where scores are few: what the contrast takes in double. Else null.
};

// Whether scores are so few that their roundings do not cancel in means: then they are computed in float64.
inline bool HasFewScores(const CpcContrastShape& shape) {
  constexpr int64_t kFewScores = 4096;
  return shape.predictions() <= kFewScores / shape.targets();
}

// Takes the memory from `workspace`.
template <typename T>
CpcContrastMemory<T> TakeContrastMemory(const CpcContrastShape& shape, Workspace& workspace);

// One request's contrast. Pointers are not owned.
template <typename T>
struct CpcContrast {
  const T* predictions;  // [predictions, D], positions in order [r][x][b].
  const T* targets;      // [targets, D], likewise.
  double embed_scale;
  StepWeighting weighting;
  CpcContrastMemory<T> memory;
  double* step_losses;                           // [steps]: L_i.
  T* prediction_gradient = nullptr;              // As predictions. Null: not wanted.
  T* target_gradient = nullptr;                  // As targets. Null: not wanted.
  const std::atomic<bool>* cancelled = nullptr;  // May be null. Once true, results are meaningless.
};

// Computes all `contrasts`. Scores are formed in waves of rows, so that their memory is bounded. The bits of a contrast
// depend on that contrast alone. Thread-safe.
template <typename T>
void RunCpcContrast(const CpcContrastShape& shape, absl::Span<const CpcContrast<T>> contrasts, Parallel& parallel);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_CPC_CPC_CONTRAST_H_
