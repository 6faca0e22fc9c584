// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The losses this build has.

#ifndef LOSSD_CORE_LOSSES_REGISTRY_H_
#define LOSSD_CORE_LOSSES_REGISTRY_H_

#include <array>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "core/losses/loss.h"
#include "core/losses/loss_config.h"

namespace lossd {

// Owns one Loss for each alternative of LossConfig. Immutable, thread-safe.
class LossRegistry {
 public:
  // `parameter_cache_bytes` bounds what CPC keeps of seed-initialised parameters.
  explicit LossRegistry(int64_t parameter_cache_bytes);

  // The loss that `config` configures. Lives as long as the registry.
  const Loss& For(const LossConfig& config) const { return *losses_[config.index()]; }

  // What each loss says of itself, in the order of LossConfig's alternatives.
  std::vector<LossDescription> Describe() const;

 private:
  const std::array<std::unique_ptr<Loss>, std::variant_size_v<LossConfig>> losses_;
};

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_REGISTRY_H_
