// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// `lossctl check`.

#ifndef LOSSD_CLIENT_CLI_CHECK_COMMAND_H_
#define LOSSD_CLIENT_CLI_CHECK_COMMAND_H_

#include <string>

#include "client/cli/connection_flags.h"
#include "client/cli/subcommand.h"

namespace lossd::cli {

// Runs the golden cases of a directory against a server, one after another. Exits with kExitFailure where one fails;
// cases that cannot be read have failed, too. A usage error where the filter leaves none; NOT_FOUND where the directory
// has none. Prints once all are done.
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
