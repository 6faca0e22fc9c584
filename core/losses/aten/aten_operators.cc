// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/aten_operators.h"

#include <variant>

#include "core/losses/aten/aten_loss.h"
#include "core/losses/aten/contrast.h"
#include "core/losses/aten/moments.h"

namespace lossd::aten {
namespace {

void RunProblem(const ContrastProblem& problem, DType computed, Groups groups, const Target& target) {
  RunContrast(problem, computed, groups, target);
}
void RunProblem(const MomentsProblem& problem, DType computed, Groups groups, const Target& target) {
  RunMoments(problem, computed, groups, target);
}
int64_t BytesOf(const ContrastProblem& problem, DType computed, const ComputeSpec& request, const Target& target) {
  return ContrastBytes(problem, computed, request, target);
}
int64_t BytesOf(const MomentsProblem& problem, DType computed, const ComputeSpec& request, const Target& target) {
  return MomentsBytes(problem, computed, request, target);
}

class AtenOperators final : public Operators {
 public:
  explicit AtenOperators(const Target& target) : target_(target) {}

  int64_t WorkspaceBytes(const ComputeSpec& request, const OperatorPlan& plan) const override {
    return std::visit([&](const auto& problem) { return BytesOf(problem, plan.computed(), request, target_); },
                      plan.problem);
  }

  void Run(absl::Span<LossTask* const> batch, const RunContext& context) const override {
    const auto& plan = static_cast<const OperatorPlan&>(*batch.front()->plan);
    RunInGroups(batch, target_, context, [&](Groups groups) {
      std::visit([&](const auto& problem) { RunProblem(problem, plan.computed(), groups, target_); }, plan.problem);
    });
  }

 private:
  const Target target_;
};

}  // namespace

std::shared_ptr<const Operators> MakeAtenOperators(const Target& target) {
  return std::make_shared<AtenOperators>(target);
}

}  // namespace lossd::aten
