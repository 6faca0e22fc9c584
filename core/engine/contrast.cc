// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast.h"

namespace lossd {

bool GainsFromFloat64(const ContrastProblem& problem) {
  constexpr int64_t kScores = 64 * 64;
  constexpr int64_t kProducts = int64_t{1} << 22;
  const int64_t most = kScores / problem.column_count();
  return problem.row_count() <= most && problem.row_count() * problem.column_count() * problem.width <= kProducts;
}

double FlopsOf(const ContrastProblem& problem, bool gradients) {
  constexpr double kSweeps = 40;  // Operations of the sweeps on a score.
  const auto scores = static_cast<double>(problem.row_count()) * static_cast<double>(problem.column_count());
  const bool once = problem.term == ContrastProblem::Term::kSigmoid || !gradients;
  double products = (once ? 2 : 4) + (gradients ? 4 : 0);
  if (problem.symmetric()) products /= 2;
  double flops = scores * (products * static_cast<double>(problem.width) + kSweeps);
  if (problem.exclusion.has_value()) flops += scores * (once ? 2 : 4) * static_cast<double>(problem.exclusion->width);
  return flops;
}

}  // namespace lossd
