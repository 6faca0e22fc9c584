// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_sweeps.h"

// Vectors are not longer than panels are wide.
// Highway compiles contrast_sweeps-inl.h once for each instruction set and picks one at run time.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
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
HWY_EXPORT(ClipFloat);
HWY_EXPORT(ClipDouble);
HWY_EXPORT(SumFloat);
HWY_EXPORT(SumDouble);
HWY_EXPORT(PositivesFloat);
HWY_EXPORT(PositivesDouble);
HWY_EXPORT(GradientFloat);
HWY_EXPORT(GradientDouble);

}  // namespace

void MaxOfNegatives(const MapTile& tile, const float* scores, float* maxima) {
  HWY_DYNAMIC_DISPATCH(MaxFloat)(tile, scores, maxima);
}

void ClipScores(int64_t count, float clip, float* scores) { HWY_DYNAMIC_DISPATCH(ClipFloat)(count, clip, scores); }

void SumExponentials(const MapTile& tile, const float* scores, const ScoreClip<float>& clip, float* slopes,
                     double* exp_sums, double* square_sums, float* positives) {
  HWY_DYNAMIC_DISPATCH(SumFloat)(tile, scores, clip, slopes, exp_sums, square_sums, positives);
}

void ScorePositives(const Panels& panels, const ScoreClip<float>& clip, const MapPositiveWeights<float>& weights,
                    float* positives, double* loss_sums, double* sigmoid_sums) {
  HWY_DYNAMIC_DISPATCH(PositivesFloat)(panels, clip, weights, positives, loss_sums, sigmoid_sums);
}

void FormGradient(const MapTile& tile, const ScoreClip<float>& clip, const GradientWeights<float>& weights,
                  float* scores) {
  HWY_DYNAMIC_DISPATCH(GradientFloat)(tile, clip, weights, scores);
}

void MaxOfNegatives(const MapTile& tile, const double* scores, double* maxima) {
  HWY_DYNAMIC_DISPATCH(MaxDouble)(tile, scores, maxima);
}

void ClipScores(int64_t count, double clip, double* scores) { HWY_DYNAMIC_DISPATCH(ClipDouble)(count, clip, scores); }

void SumExponentials(const MapTile& tile, const double* scores, const ScoreClip<double>& clip, double* slopes,
                     double* exp_sums, double* square_sums, double* positives) {
  HWY_DYNAMIC_DISPATCH(SumDouble)(tile, scores, clip, slopes, exp_sums, square_sums, positives);
}

void ScorePositives(const Panels& panels, const ScoreClip<double>& clip, const MapPositiveWeights<double>& weights,
                    double* positives, double* loss_sums, double* sigmoid_sums) {
  HWY_DYNAMIC_DISPATCH(PositivesDouble)(panels, clip, weights, positives, loss_sums, sigmoid_sums);
}

void FormGradient(const MapTile& tile, const ScoreClip<double>& clip, const GradientWeights<double>& weights,
                  double* scores) {
  HWY_DYNAMIC_DISPATCH(GradientDouble)(tile, clip, weights, scores);
}

}  // namespace lossd
