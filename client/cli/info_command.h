// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// `lossctl info`.

#ifndef LOSSD_CLIENT_CLI_INFO_COMMAND_H_
#define LOSSD_CLIENT_CLI_INFO_COMMAND_H_

#include "client/cli/connection_flags.h"
#include "client/cli/subcommand.h"

namespace lossd::cli {

// Shows what a server is and can do. UNIMPLEMENTED, with a hint, where a gRPC server answers that is not the service,
// such as the port for operators.
class InfoCommand : public Subcommand {
 public:
  CLI::App* Declare(CLI::App& app) override;
  absl::StatusOr<int> Run(const Streams& streams) override;

 private:
  ConnectionFlags connection_;
  bool json_ = false;
};

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_INFO_COMMAND_H_
