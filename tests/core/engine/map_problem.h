// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Contrasts of maps as AMDIM states them.

#ifndef LOSSD_TESTS_CORE_ENGINE_MAP_PROBLEM_H_
#define LOSSD_TESTS_CORE_ENGINE_MAP_PROBLEM_H_

#include <cmath>

#include "core/engine/contrast_maps.h"

namespace lossd::testing {

inline ContrastProblem MapProblem(const MapContrastShape& shape, double clip) {
  ContrastProblem problem;
  problem.rows = {{.count = shape.images}};
  problem.columns = {{.count = shape.images * shape.locations}};
  problem.width = shape.channels;
  problem.scale = 1 / std::sqrt(static_cast<double>(shape.channels));
  problem.clip = clip;
  problem.pairs = ContrastProblem::Pairs::kBlocks;
  problem.line = shape.locations;
  return problem;
}

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_ENGINE_MAP_PROBLEM_H_
