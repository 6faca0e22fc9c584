// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The losses of a back end, in the order of LossConfig's alternatives, which each of them is found by.
//
//   LossRegistry losses(MakeTileLosses(parameter_cache_bytes));
//   losses.For(spec.loss).Prepare(spec);

#ifndef LOSSD_CORE_LOSSES_REGISTRY_H_
#define LOSSD_CORE_LOSSES_REGISTRY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "core/losses/loss.h"
#include "core/losses/loss_config.h"
#include "core/losses/loss_table.h"

namespace lossd {

// One Loss for each alternative of LossConfig, in their order.
using LossSet = std::array<std::unique_ptr<Loss>, kLossCount>;

// All losses on a device: those of loss_table.h on its `operators`, which they share, each of the others as
// `make_other(config)` makes it, which takes the configurations that are left: an alternative of LossConfig that
// neither covers does not compile. Configurations have their defaults here, and tell types apart; a request's own comes
// with it.
template <typename MakeOther>
LossSet MakeLosses(const std::shared_ptr<const Operators>& operators, const MakeOther& make_other) {
  const auto make = [&]<typename Config>(const Config& config) -> std::unique_ptr<Loss> {
    if constexpr (requires(const LossInputs& inputs) { State(config, inputs); }) {
      const Statement statement = [](const LossConfig& stated, const LossInputs& inputs) {
        return State(std::get<Config>(stated), inputs);
      };
      return std::make_unique<OperatorLoss>(Describe(config), statement, operators);
    } else {
      return make_other(config);
    }
  };
  LossSet losses;
  for (size_t i = 0; i < kLossCount; ++i) losses[i] = std::visit(make, DefaultLossConfig(i));
  return losses;
}

// The losses that compute in tiles on the processor. `parameter_cache_bytes` bounds what CPC keeps of seed-initialised
// parameters.
LossSet MakeTileLosses(int64_t parameter_cache_bytes);

// The one of them that `config` configures, alone: for tests and tools that need no other.
std::unique_ptr<Loss> MakeTileLoss(const LossConfig& config);

// Finds losses by their configuration. Immutable, thread-safe.
class LossRegistry {
 public:
  // No loss is null.
  explicit LossRegistry(LossSet losses) : losses_(std::move(losses)) {}

  // The loss that `config` configures. Lives as long as the registry.
  const Loss& For(const LossConfig& config) const { return *losses_[config.index()]; }

  // What each loss says of itself, in the order of LossConfig's alternatives.
  std::vector<LossDescription> Describe() const;

 private:
  const LossSet losses_;
};

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_REGISTRY_H_
