// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/aten_operators.h"

#include <variant>

#include "core/losses/aten/aten_loss.h"
#include "core/losses/aten/contrast.h"
#include "core/losses/aten/moments.h"

namespace lossd::aten {
namespace {

void RunProblem(const ContrastProblem& problem, Groups groups, at::Device device) {
  RunContrast(problem, groups, device);
}
void RunProblem(const MomentsProblem& problem, Groups groups, at::Device device) {
  RunMoments(problem, groups, device);
}
int64_t BytesOf(const ContrastProblem& problem, const ComputeSpec& request, int64_t element_bytes, at::Device device) {
  return ContrastBytes(problem, request, element_bytes, device);
}
int64_t BytesOf(const MomentsProblem& problem, const ComputeSpec& request, int64_t element_bytes, at::Device device) {
  return MomentsBytes(problem, request, element_bytes, device);
}

class AtenOperators final : public Operators {
 public:
  explicit AtenOperators(at::Device device) : device_(device) {}

  int64_t WorkspaceBytes(const ComputeSpec& request, const OperatorPlan& plan) const override {
    const auto element = static_cast<int64_t>(SizeOf(plan.dtype));
    return std::visit([&](const auto& problem) { return BytesOf(problem, request, element, device_); }, plan.problem);
  }

  void Run(absl::Span<LossTask* const> batch, const RunContext& context) const override {
    const auto& plan = static_cast<const OperatorPlan&>(*batch.front()->plan);
    RunInGroups(batch, device_, context, [&](Groups groups) {
      std::visit([&](const auto& problem) { RunProblem(problem, groups, device_); }, plan.problem);
    });
  }

 private:
  const at::Device device_;
};

}  // namespace

std::shared_ptr<const Operators> MakeAtenOperators(at::Device device) {
  return std::make_shared<AtenOperators>(device);
}

}  // namespace lossd::aten
