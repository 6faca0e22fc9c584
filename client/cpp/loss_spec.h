// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Configurations of the losses, as typed values: those of core/losses/loss_config.h, which mirror lossd/v1/losses.proto
// field by field and say what each field defaults to. A field that has its default is not sent. The server checks the
// values. Inputs and outputs of each loss are listed in losses.proto.

#ifndef LOSSD_CLIENT_CPP_LOSS_SPEC_H_
#define LOSSD_CLIENT_CPP_LOSS_SPEC_H_

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/string_view.h"
#include "core/losses/loss_config.h"

namespace lossd::client {

using Positions = ExplicitPositions;
using Seed = SamplingSeed;
using FeatureMapContrastive = FeatureMapContrastiveConfig;
using Cpc = CpcConfig;
using NtXent = NtXentConfig;
using SquaredNorm = SquaredNormConfig;

// The same loss, in a variant that can also hold none.
template <typename... Config>
std::variant<std::monostate, Config...> OrNone(const std::variant<Config...>& config) {
  return std::visit([](const auto& loss) { return std::variant<std::monostate, Config...>(loss); }, config);
}

// Which loss. Monostate: none, which the server refuses. OrNone makes one of a LossConfig.
using LossSpec = decltype(OrNone(std::declval<LossConfig>()));

// The inverse of OrNone; nullopt where there is no loss.
inline std::optional<LossConfig> ConfigOf(const LossSpec& spec) {
  return std::visit(
      [](const auto& loss) -> std::optional<LossConfig> {
        if constexpr (std::is_same_v<std::decay_t<decltype(loss)>, std::monostate>) return std::nullopt;
        if constexpr (!std::is_same_v<std::decay_t<decltype(loss)>, std::monostate>) return loss;
      },
      spec);
}

// As in lossd.v1.LossSpec: "feature_map_contrastive", "cpc", "nt_xent", "squared_norm"; "none" where there is none.
inline absl::string_view NameOf(const LossSpec& spec) {
  return spec.index() == 0 ? absl::string_view("none") : kLossNames[spec.index() - 1];
}

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_LOSS_SPEC_H_
