// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_row_sweeps.h"

// Highway compiles contrast_row_sweeps-inl.h once for each instruction set and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/engine/contrast_row_sweeps-inl.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// Behind foreach_target.h.
#include "core/engine/contrast_row_sweeps-inl.h"
#include "hwy/highway.h"

namespace lossd {
namespace {

HWY_EXPORT(RowsFloat);
HWY_EXPORT(RowsDouble);
HWY_EXPORT(ColumnsFloat);
HWY_EXPORT(ColumnsDouble);
HWY_EXPORT(RowGradientFloat);
HWY_EXPORT(RowGradientDouble);
HWY_EXPORT(GradientFloat);
HWY_EXPORT(GradientDouble);
HWY_EXPORT(PositiveFloat);
HWY_EXPORT(PositiveDouble);
HWY_EXPORT(SigmoidFloat);
HWY_EXPORT(SigmoidDouble);

}  // namespace

void EnterRows(const ScoreTile& tile, const float* scores, const RunningSums<float>& sums) {
  HWY_DYNAMIC_DISPATCH(RowsFloat)(tile, scores, sums);
}

void EnterColumns(const ScoreTile& tile, const float* scores, const RunningSums<float>& sums) {
  HWY_DYNAMIC_DISPATCH(ColumnsFloat)(tile, scores, sums);
}

void FormRowGradient(const ScoreTile& tile, const ExpWeights<float>& rows, float* scores) {
  HWY_DYNAMIC_DISPATCH(RowGradientFloat)(tile, rows, scores);
}

void FormPairGradient(const ScoreTile& tile, const ExpWeights<float>& rows, const ExpWeights<float>& columns,
                      const float* column_scores, float* row_scores) {
  HWY_DYNAMIC_DISPATCH(GradientFloat)(tile, rows, columns, column_scores, row_scores);
}

void FormPositiveGradient(const ScoreTile& tile, const PositiveExpWeights<float>& rows,
                          const PositiveExpWeights<float>& columns, const float* scores, float* gradient) {
  HWY_DYNAMIC_DISPATCH(PositiveFloat)(tile, rows, columns, scores, gradient);
}

void FormSigmoidGradient(const ScoreTile& tile, float bias, float share, float* scores, const SigmoidRowSums& sums) {
  HWY_DYNAMIC_DISPATCH(SigmoidFloat)(tile, bias, share, scores, sums);
}

void EnterRows(const ScoreTile& tile, const double* scores, const RunningSums<double>& sums) {
  HWY_DYNAMIC_DISPATCH(RowsDouble)(tile, scores, sums);
}

void EnterColumns(const ScoreTile& tile, const double* scores, const RunningSums<double>& sums) {
  HWY_DYNAMIC_DISPATCH(ColumnsDouble)(tile, scores, sums);
}

void FormRowGradient(const ScoreTile& tile, const ExpWeights<double>& rows, double* scores) {
  HWY_DYNAMIC_DISPATCH(RowGradientDouble)(tile, rows, scores);
}

void FormPairGradient(const ScoreTile& tile, const ExpWeights<double>& rows, const ExpWeights<double>& columns,
                      const double* column_scores, double* row_scores) {
  HWY_DYNAMIC_DISPATCH(GradientDouble)(tile, rows, columns, column_scores, row_scores);
}

void FormPositiveGradient(const ScoreTile& tile, const PositiveExpWeights<double>& rows,
                          const PositiveExpWeights<double>& columns, const double* scores, double* gradient) {
  HWY_DYNAMIC_DISPATCH(PositiveDouble)(tile, rows, columns, scores, gradient);
}

void FormSigmoidGradient(const ScoreTile& tile, double bias, double share, double* scores, const SigmoidRowSums& sums) {
  HWY_DYNAMIC_DISPATCH(SigmoidDouble)(tile, bias, share, scores, sums);
}

}  // namespace lossd
