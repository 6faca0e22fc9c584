// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast.h"

namespace lossd {
namespace {

using Pairs = ContrastProblem::Pairs;

bool HasMoreScoresThan(int64_t most, const ContrastProblem& problem) {
  return problem.row_count() > most / problem.column_count();
}

}  // namespace

bool GainsFromFloat64(const ContrastProblem& problem) {
  switch (problem.pairs) {
    case Pairs::kBlocks:
      // Many terms of few scores, or pairs of images: no mean hides what their sums' roundings come to.
      if (problem.width >= 64) return !HasMoreScoresThan(256, problem);
      return problem.row_count() <= 2 && !HasMoreScoresThan(64, problem);
    case Pairs::kSteps:
      return !HasMoreScoresThan(4096, problem);
    default:
      return !HasMoreScoresThan(64 * 64, problem) &&
             problem.row_count() * problem.column_count() * problem.width <= int64_t{1} << 22;
  }
}

bool GainsFromBf16(const ContrastProblem& problem) {
  switch (problem.pairs) {
    case Pairs::kBlocks:
      return problem.row_count() >= 128;
    case Pairs::kSteps:
      return problem.row_count() >= 100;
    default:
      return false;
  }
}

double FlopsOf(const ContrastProblem& problem, int gradients) {
  constexpr double kSweeps = 40;  // Operations of the sweeps on a score.
  const auto scores = static_cast<double>(problem.row_count()) * static_cast<double>(problem.column_count());
  // Tiles of softmax terms are taken to be formed once for the sums and once for the gradient, as most are.
  const bool kept = problem.pairs == Pairs::kBlocks || problem.pairs == Pairs::kSteps ||
                    problem.term == ContrastProblem::Term::kSigmoid || gradients == 0;
  const double formed = kept ? 2 : 4;
  double products = formed + 2 * gradients;
  if (problem.symmetric()) products /= 2;
  double flops = scores * (products * static_cast<double>(problem.width) + kSweeps);
  if (problem.exclusion.has_value()) flops += scores * formed * static_cast<double>(problem.exclusion->width);
  return flops;
}

}  // namespace lossd
