// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A loss that does what a test tells it.

#ifndef LOSSD_TESTS_SUPPORT_FAKE_LOSS_H_
#define LOSSD_TESTS_SUPPORT_FAKE_LOSS_H_

#include <functional>
#include <memory>
#include <vector>

#include "core/losses/loss.h"

namespace lossd::testing {

// Accepts every request with the plan set in it, and runs `run` on each batch.
class FakeLoss final : public Loss {
 public:
  std::vector<TensorSpec> outputs = {{"loss", DType::kFloat32, {}}};
  std::vector<TensorSpec> derived_inputs;
  std::vector<bool> constants;
  std::string batch_key = "fake";
  double flops = 1;
  int64_t workspace_bytes = 0;
  bool gradients_are_inputs = false;
  absl::Status prepare_status;
  std::function<void(absl::Span<LossTask* const>)> run = [](absl::Span<LossTask* const>) {};

  LossDescription Describe() const override { return {"fake", "does what a test tells it", {}, {"loss"}, {}}; }

  absl::StatusOr<std::unique_ptr<LossPlan>> Prepare(const ComputeSpec&) const override {
    if (!prepare_status.ok()) return prepare_status;
    auto plan = std::make_unique<LossPlan>();
    plan->outputs = outputs;
    plan->derived_inputs = derived_inputs;
    plan->constants = constants;
    plan->batch_key = batch_key;
    plan->flops = flops;
    plan->workspace_bytes = workspace_bytes;
    plan->gradients_are_inputs = gradients_are_inputs;
    return plan;
  }

  void Run(absl::Span<LossTask* const> batch, const RunContext&) const override { run(batch); }
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_FAKE_LOSS_H_
