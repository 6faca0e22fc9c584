// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The flags that say which loss to compute, with its configuration.

#ifndef LOSSD_CLIENT_CLI_LOSS_FLAGS_H_
#define LOSSD_CLIENT_CLI_LOSS_FLAGS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/parser_types.h"
#include "client/cpp/loss_spec.h"

namespace lossd::cli {

// A flag for every field of lossd/v1/losses.proto, or all at once as --config. Not thread-safe.
class LossFlags {
 public:
  void Declare(CLI::App& app);
  // The loss that the flags describe. A usage error where they name none, contradict each other, or belong to another
  // loss. Values are the server's to check.
  absl::StatusOr<client::LossSpec> Spec() const;

 private:
  void DeclareFeatureMapContrastive(CLI::App& app);
  void DeclareCpc(CLI::App& app);
  // Refuses flags that were given although they belong to another loss than `loss`.
  absl::Status CheckFlagsBelong(const std::string& loss) const;
  absl::StatusOr<client::FeatureMapContrastive> FeatureMapContrastiveSpec() const;

  std::string loss_;
  std::string config_;
  client::FeatureMapContrastive feature_map_contrastive_;
  std::vector<int32_t> positions_;
  client::Seed seed_;
  client::Cpc cpc_;
  std::string step_weighting_;
  client::NtXent nt_xent_;
  std::map<std::string, std::vector<const CLI::Option*>> options_of_;  // By loss.
};

// The inverse of protobuf's JSON mapping of lossd.v1.LossSpec: {"cpc": {"target_dim": 64}}. INVALID_ARGUMENT where the
// text is no such JSON or names no loss.
absl::StatusOr<client::LossSpec> LossSpecFromJson(const std::string& json);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_LOSS_FLAGS_H_
