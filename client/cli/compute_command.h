// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// `lossctl compute`.

#ifndef LOSSD_CLIENT_CLI_COMPUTE_COMMAND_H_
#define LOSSD_CLIENT_CLI_COMPUTE_COMMAND_H_

#include <optional>
#include <string>
#include <vector>

#include "client/cli/connection_flags.h"
#include "client/cli/loss_flags.h"
#include "client/cli/subcommand.h"
#include "client/cpp/compute_request.h"

namespace lossd::cli {

// Computes one loss over the arrays of files (ReadArray). Flags and files are read before a connection is made.
// Gradients are written to a folder where one is named, before anything is printed; what was written stays where a
// later one cannot be.
class ComputeCommand : public Subcommand {
 public:
  CLI::App* Declare(CLI::App& app) override;
  absl::StatusOr<int> Run(const Streams& streams) override;

 private:
  // The request that the flags describe, its inputs in memory of its own.
  absl::StatusOr<client::ComputeRequest> Request() const;
  absl::StatusOr<client::GradientOptions> Gradients() const;

  ConnectionFlags connection_;
  LossFlags loss_;
  std::vector<std::string> inputs_;
  std::string gradients_ = "all";
  std::string gradient_dtype_;
  std::optional<double> gradient_scale_;
  std::string gradients_dir_;
  bool reject_nonfinite_ = false;
  bool json_ = false;
};

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_COMPUTE_COMMAND_H_
