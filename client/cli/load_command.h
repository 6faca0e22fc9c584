// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// `lossctl load`.

#ifndef LOSSD_CLIENT_CLI_LOAD_COMMAND_H_
#define LOSSD_CLIENT_CLI_LOAD_COMMAND_H_

#include <string>

#include "client/cli/connection_flags.h"
#include "client/cli/load_flags.h"
#include "client/cli/subcommand.h"

namespace lossd::cli {

// Loads a server and measures it. Exits with kExitFailure where an objective is missed, an answer differs from the
// local computation, or a level is worse than in the baseline; with kExitInterrupted after SIGINT or SIGTERM, which end
// the run and report what was measured.
class LoadCommand : public Subcommand {
 public:
  CLI::App* Declare(CLI::App& app) override;
  absl::StatusOr<int> Run(const Streams& streams) override;

 private:
  absl::StatusOr<load::LoadPlan> Plan() const;
  absl::Status WriteFiles(const load::LoadReport& report) const;
  // Compares with the baseline, if there is one; whether no level is worse by more than what is tolerated.
  absl::StatusOr<bool> Compare(const load::LoadReport& report, const Streams& streams) const;

  ConnectionFlags connection_;
  LoadRequestFlags request_;
  LoadShapeFlags shape_;
  std::string json_, csv_, html_, compare_;
  std::string max_regression_;
  std::string progress_interval_ = "10s";
};

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_LOAD_COMMAND_H_
