// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// `lossctl check`.

#ifndef LOSSD_CLIENT_CLI_CHECK_COMMAND_H_
#define LOSSD_CLIENT_CLI_CHECK_COMMAND_H_

#include <string>

#include "client/cli/connection_flags.h"
#include "client/cli/subcommand.h"

namespace lossd::cli {

// Runs the golden cases of a directory against a server. Exits with kExitFailure where one fails.
class CheckCommand : public Subcommand {
 public:
  CLI::App* Declare(CLI::App& app) override;
  absl::StatusOr<int> Run(const Streams& streams) override;

 private:
  ConnectionFlags connection_;
  std::string directory_;
  std::string filter_;
  bool verbose_ = false;
  bool json_ = false;
};

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_CHECK_COMMAND_H_
