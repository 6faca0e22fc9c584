// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Contrasts whose pairs are steps (core/engine/contrast.h), on the processor: a row has several positives, one a step,
// all against the same columns. With s_pt = scale <row_p, column_t> over all columns t and LSE_p the log-sum-exp of row
// p:
//   L_i  = mean over the n_i rows p that have a step i of LSE_p - s_p,positive(p, i)
//   loss = sum over i of weight_i L_i
// Its gradient with respect to s_pt, with e = exp(s - LSE_p) and a_r = sum over the steps of line r of weight_i / n_i:
//   a_r e_pt                                                    for t that is no step's positive
//   (a_r - weight_i / n_i) e_pt - weight_i / n_i (1 - e_pt)     for t = positive(p, i)
// where 1 - e is formed as the sum of the others. One log-sum-exp a row serves all steps. Scores are formed once and
// kept from the sums to the gradient, in waves of rows, so that their memory is bounded: 6 M N D operations.

#ifndef LOSSD_CORE_ENGINE_CONTRAST_STEPS_H_
#define LOSSD_CORE_ENGINE_CONTRAST_STEPS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "core/engine/contrast.h"
#include "core/engine/gemm_precision.h"
#include "core/engine/parallel.h"
#include "core/engine/workspace.h"

namespace lossd {

// Extents of such a contrast, and what belongs to what in it. Steps are counted from 1.
struct StepContrastShape {
  int64_t stacks = 1;
  int64_t steps;  // K >= 1
  int64_t line;   // Rows or columns of a line.
  int64_t width;  // D, of a vector.

  int64_t rows() const { return stacks * steps * line; }
  int64_t columns() const { return stacks * (steps + 2) * line; }
  int64_t line_of(int64_t row) const { return row / line % steps; }
  int64_t steps_of(int64_t row) const { return steps - line_of(row); }
  // The column that is the positive of step i of a row.
  int64_t positive(int64_t row, int64_t i) const { return row + (row / (steps * line) * 2 + i + 1) * line; }
  int64_t rows_of_step(int64_t i) const { return stacks * (steps + 1 - i) * line; }  // n_i
};

inline StepContrastShape StepShapeOf(const ContrastProblem& problem) {
  return {problem.row_count() / (problem.steps * problem.line), problem.steps, problem.line, problem.width};
}

// Memory of a contrast.
template <typename T>
struct StepContrastMemory {
  T* scores;             // [rows of a wave, columns]
  T* score_columns;      // The columns, packed for the product that makes scores.
  T* gradient_columns;   // The columns, packed for the product that makes the rows' gradient.
  T* wave_columns;       // A wave's rows, packed for the product that makes the columns' gradient.
  double* step_factors;  // [steps]: weight_i / n_i.
  double* line_factors;  // [steps]: a_r of line r.
  double* chunk_sums;    // [chunks of a wave, 4, steps]: sums of the steps' terms, and what a row needs at a time.
  std::byte* wide;       // Float where scores are few: what the contrast takes in double. Else null.
};

// Takes the memory from `workspace`. T is float or double.
template <typename T>
StepContrastMemory<T> TakeStepContrastMemory(const ContrastProblem& problem, Workspace& workspace);

// What one request's contrast is computed of and where its gradients go. Pointers are not owned.
template <typename T>
struct StepOperands {
  const T* rows;                          // [rows, D]
  const T* columns;                       // [columns, D]
  double scale;                           // In place of the problem's.
  absl::Span<const double> step_weights;  // [steps]: weight_i.
  StepContrastMemory<T> memory;
  double* step_losses;                                // [steps]: L_i.
  T* row_gradient = nullptr;                          // As rows. Null: not wanted.
  T* column_gradient = nullptr;                       // As columns. Null: not wanted.
  GemmPrecision precision = GemmPrecision::kFloat32;  // Of products of floats.
  const std::atomic<bool>* cancelled = nullptr;       // May be null. Once true, results are meaningless.
};

// Computes the contrasts of all `operands`, which share no memory. The bits of a contrast depend on that contrast
// alone. Thread-safe.
template <typename T>
void RunStepContrasts(const ContrastProblem& problem, absl::Span<const StepOperands<T>> operands, Parallel& parallel);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CONTRAST_STEPS_H_
