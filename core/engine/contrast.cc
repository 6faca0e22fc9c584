// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast.h"

namespace lossd {

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
