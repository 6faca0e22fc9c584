// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What FeatureMapContrastive knows of a request before it sees payloads, and the checks that lead there.

#ifndef LOSSD_CORE_LOSSES_FEATURE_MAP_PLAN_H_
#define LOSSD_CORE_LOSSES_FEATURE_MAP_PLAN_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "core/engine/contrast.h"
#include "core/engine/contrast_maps.h"
#include "core/engine/contrast_maps_cut.h"
#include "core/losses/loss.h"
#include "core/losses/source_sampling.h"

namespace lossd {

// Places of the outputs.
enum FeatureMapOutput { kLosses = 0, kRegularizer = 1, kComparisons = 2, kPositions = 3 };

// A contrast with one input as its target.
struct StatedMapContrast {
  ContrastProblem problem;
  MapContrastCut cut;  // On the processor.
};

struct FeatureMapPlan : LossPlan {
  SamplingSpace space;
  std::array<std::vector<int>, 2> maps;      // By side: the input that holds each map.
  DType dtype = DType::kFloat32;             // FLOAT32 or FLOAT64: what is computed in,
  bool widened = false;                      // though inputs and outputs are FLOAT32.
  std::vector<StatedMapContrast> contrasts;  // By the input that is the target.
  int64_t most_channels = 0;                 // Over all maps.
  int64_t most_locations = 0;                // Over all maps.
  int64_t source_slots = 1;                  // Gradients of source vectors that a run keeps at a time.

  int64_t images() const { return space.images; }
};

// A vector of each image against all locations of all images of a target map, x = <u, v> / sqrt(channels): those of the
// own image are its pairs. `clip` > 0.
ContrastProblem StateMaps(int64_t images, int64_t channels, int64_t locations, double clip);

// Checks a request and plans it. `request.loss` holds a FeatureMapContrastiveConfig. Fails with InvalidField.
absl::StatusOr<std::unique_ptr<FeatureMapPlan>> PlanFeatureMaps(const ComputeSpec& request);

// Elements of the source vectors of one direction, or of their gradient, as the engine takes them.
template <typename T>
int64_t SourceVectors(const FeatureMapPlan& plan) {
  return MapSourcePanels<T>({plan.images(), plan.most_channels, 1}).size();
}

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_FEATURE_MAP_PLAN_H_
