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
HWY_EXPORT(GradientFloat);
HWY_EXPORT(GradientDouble);

}  // namespace

void EnterRows(const ScoreTile& tile, const float* scores, const RunningSums<float>& sums) {
  HWY_DYNAMIC_DISPATCH(RowsFloat)(tile, scores, sums);
}

void EnterRows(const ScoreTile& tile, const double* scores, const RunningSums<double>& sums) {
  HWY_DYNAMIC_DISPATCH(RowsDouble)(tile, scores, sums);
}

void EnterColumns(const ScoreTile& tile, const float* scores, const RunningSums<float>& sums) {
  HWY_DYNAMIC_DISPATCH(ColumnsFloat)(tile, scores, sums);
}

void EnterColumns(const ScoreTile& tile, const double* scores, const RunningSums<double>& sums) {
  HWY_DYNAMIC_DISPATCH(ColumnsDouble)(tile, scores, sums);
}

void FormPairGradient(const ScoreTile& tile, const ExpWeights<float>& rows, const ExpWeights<float>& columns,
                      float* scores) {
  HWY_DYNAMIC_DISPATCH(GradientFloat)(tile, rows, columns, scores);
}

void FormPairGradient(const ScoreTile& tile, const ExpWeights<double>& rows, const ExpWeights<double>& columns,
                      double* scores) {
  HWY_DYNAMIC_DISPATCH(GradientDouble)(tile, rows, columns, scores);
}

}  // namespace lossd
