// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The flags that say which loss to compute, with its configuration.

#ifndef LOSSD_CLIENT_CLI_LOSS_FLAGS_H_
#define LOSSD_CLIENT_CLI_LOSS_FLAGS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/parser_types.h"
#include "client/cpp/loss_spec.h"

namespace lossd::cli {

// A flag for every field that a configuration of loss_config.h lists, or all at once as --config. Losses with a field
// of the same name share its flag. Not thread-safe.
class LossFlags {
 public:
  void Declare(CLI::App& app);
  // The loss that the flags describe. A usage error where they name none, contradict each other, belong to another
  // loss, or cannot be read. What values mean is the server's to check.
  absl::StatusOr<client::LossSpec> Spec() const;

 private:
  struct Flag {
    std::string value;                    // As given.
    std::string help;                     // What the field is.
    std::vector<std::string> losses;      // That have such a field;
    std::vector<std::string> defaults;    // and what it is where the flag is absent.
    const CLI::Option* option = nullptr;  // Not owned.
    bool given() const;
  };

  // Enters the fields of all losses into flags_.
  void CollectFlags();
  // Refuses flags that were given although they belong to another loss than `loss`.
  absl::Status CheckFlagsBelong(absl::string_view loss) const;

  std::string loss_;
  std::string config_;
  std::map<std::string, Flag> flags_;  // By name, "--temperature".
};

// The inverse of protobuf's JSON mapping of lossd.v1.LossSpec: {"cpc": {"target_dim": 64}}. INVALID_ARGUMENT where the
// text is no such JSON or names no loss.
absl::StatusOr<client::LossSpec> LossSpecFromJson(const std::string& json);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_LOSS_FLAGS_H_
