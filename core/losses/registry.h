// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The losses of a back end.

#ifndef LOSSD_CORE_LOSSES_REGISTRY_H_
#define LOSSD_CORE_LOSSES_REGISTRY_H_

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "core/losses/loss.h"
#include "core/losses/loss_config.h"

namespace lossd {

// One Loss for each alternative of LossConfig, in their order.
using LossSet = std::array<std::unique_ptr<Loss>, std::variant_size_v<LossConfig>>;

// The losses that compute in tiles on the processor. `parameter_cache_bytes` bounds what CPC keeps of seed-initialised
// parameters.
LossSet MakeTileLosses(int64_t parameter_cache_bytes);

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
