// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// `lossctl load`.

#ifndef LOSSD_CLIENT_CLI_LOAD_COMMAND_H_
#define LOSSD_CLIENT_CLI_LOAD_COMMAND_H_

#include <fstream>
#include <optional>
#include <string>

#include "client/cli/connection_flags.h"
#include "client/cli/load_flags.h"
#include "client/cli/subcommand.h"

namespace lossd::cli {

// Loads a server and measures it. Exits with kExitFailure where an objective is missed, an answer differs from the
// local computation, or a level is worse than in the baseline; with kExitInterrupted after SIGINT or SIGTERM, which end
// the run and report what was measured. Flags, the baseline and the files for reports are looked at before the load
// begins, so that no long run ends in a message about a typing error.
class LoadCommand : public Subcommand {
 public:
  CLI::App* Declare(CLI::App& app) override;
  absl::StatusOr<int> Run(const Streams& streams) override;

 private:
  // What a report is held against.
  struct Baseline {
    std::optional<load::LoadReport> report;
    std::optional<double> tolerance;
  };
  // The files of --json, --csv and --html, open before the load begins; not open where none is named.
  struct Files {
    std::ofstream json, csv, html;
  };

  absl::StatusOr<load::LoadPlan> Plan() const;
  absl::StatusOr<Baseline> ReadBaseline() const;
  absl::StatusOr<Files> OpenFiles() const;
  // Writes all that can be written; the first error.
  absl::Status WriteFiles(const load::LoadReport& report, Files& files) const;

  ConnectionFlags connection_;
  LoadRequestFlags request_;
  LoadShapeFlags shape_;
  std::string json_, csv_, html_, compare_;
  std::string max_regression_;
  std::string progress_interval_ = "10s";
};

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_LOAD_COMMAND_H_
