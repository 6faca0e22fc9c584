// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/aten_operators.h"

#include <variant>

#include "core/losses/aten/aten_loss.h"
#include "core/losses/aten/contrast.h"
#include "core/losses/aten/moments.h"

namespace lossd::aten {
namespace {

void RunProblem(const ContrastProblem& problem, Groups groups, const Target& target) {
  RunContrast(problem, groups, target);
}
void RunProblem(const MomentsProblem& problem, Groups groups, const Target& target) {
  RunMoments(problem, groups, target);
}
int64_t BytesOf(const ContrastProblem& problem, const ComputeSpec& request, int64_t element_bytes,
                const Target& target) {
  return ContrastBytes(problem, request, element_bytes, target);
}
int64_t BytesOf(const MomentsProblem& problem, const ComputeSpec& request, int64_t element_bytes,
                const Target& target) {
  return MomentsBytes(problem, request, element_bytes, target);
}

class AtenOperators final : public Operators {
 public:
  explicit AtenOperators(const Target& target) : target_(target) {}

  int64_t WorkspaceBytes(const ComputeSpec& request, const OperatorPlan& plan) const override {
    const auto element = static_cast<int64_t>(SizeOf(plan.dtype));
    return std::visit([&](const auto& problem) { return BytesOf(problem, request, element, target_); }, plan.problem);
  }

  void Run(absl::Span<LossTask* const> batch, const RunContext& context) const override {
    const auto& plan = static_cast<const OperatorPlan&>(*batch.front()->plan);
    RunInGroups(batch, target_.device, context, [&](Groups groups) {
      std::visit([&](const auto& problem) { RunProblem(problem, groups, target_); }, plan.problem);
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
