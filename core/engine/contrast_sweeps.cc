// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_sweeps.h"

// Highway compiles contrast_sweeps-inl.h once for each instruction set and picks one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/engine/contrast_sweeps-inl.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// Behind foreach_target.h.
#include "core/engine/contrast_sweeps-inl.h"
#include "hwy/highway.h"

namespace lossd {
namespace {

HWY_EXPORT(MaxFloat);
HWY_EXPORT(MaxDouble);
HWY_EXPORT(SumFloat);
HWY_EXPORT(SumDouble);
HWY_EXPORT(PositivesFloat);
HWY_EXPORT(PositivesDouble);
HWY_EXPORT(GradientFloat);
HWY_EXPORT(GradientDouble);

}  // namespace

void MaxOfNegatives(const SweepTile& tile, const float* scores, float* maxima) {
  HWY_DYNAMIC_DISPATCH(MaxFloat)(tile, scores, maxima);
}

void MaxOfNegatives(const SweepTile& tile, const double* scores, double* maxima) {
  HWY_DYNAMIC_DISPATCH(MaxDouble)(tile, scores, maxima);
}

void SumExponentials(const SweepTile& tile, const float* scores, const ScoreClip<float>& clip, double* exp_sums,
                     double* square_sums) {
  HWY_DYNAMIC_DISPATCH(SumFloat)(tile, scores, clip, exp_sums, square_sums);
}

void SumExponentials(const SweepTile& tile, const double* scores, const ScoreClip<double>& clip, double* exp_sums,
                     double* square_sums) {
  HWY_DYNAMIC_DISPATCH(SumDouble)(tile, scores, clip, exp_sums, square_sums);
}

void ScorePositives(const SweepTile& tile, const float* scores, const ScoreClip<float>& clip, const double* exp_sums,
                    double* loss_sums, double* sigmoid_sums) {
  HWY_DYNAMIC_DISPATCH(PositivesFloat)(tile, scores, clip, exp_sums, loss_sums, sigmoid_sums);
}

void ScorePositives(const SweepTile& tile, const double* scores, const ScoreClip<double>& clip, const double* exp_sums,
                    double* loss_sums, double* sigmoid_sums) {
  HWY_DYNAMIC_DISPATCH(PositivesDouble)(tile, scores, clip, exp_sums, loss_sums, sigmoid_sums);
}

void FormGradient(const SweepTile& tile, const ScoreClip<float>& clip, const GradientWeights<float>& weights,
                  float* scores) {
  HWY_DYNAMIC_DISPATCH(GradientFloat)(tile, clip, weights, scores);
}

void FormGradient(const SweepTile& tile, const ScoreClip<double>& clip, const GradientWeights<double>& weights,
                  double* scores) {
  HWY_DYNAMIC_DISPATCH(GradientDouble)(tile, clip, weights, scores);
}

}  // namespace lossd
