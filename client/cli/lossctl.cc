// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/lossctl.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "client/cli/check_command.h"
#include "client/cli/compute_command.h"
#include "client/cli/info_command.h"
#include "client/cli/load_command.h"
#include "client/cpp/error_details.h"
#include "core/process/build_info.h"

namespace lossd::cli {
namespace {

void PrintError(const absl::Status& status, std::ostream& err) {
  err << "lossctl: ";
  if (!IsUsageError(status)) err << absl::StatusCodeToString(status.code()) << ": ";
  err << status.message() << '\n';
  const client::ErrorDetails details = client::DetailsOf(status);
  for (const auto& violation : details.field_violations) {
    err << "  field " << violation.field << ": " << violation.description << '\n';
  }
  for (const auto& violation : details.quota_violations) {
    err << "  limit " << violation.subject << ": " << violation.description << '\n';
  }
  if (details.retry_delay) err << "  retry after " << absl::FormatDuration(*details.retry_delay) << '\n';
}

// The parsers, one for each command.
struct Commands {
  std::vector<std::unique_ptr<Subcommand>> all;
  std::vector<CLI::App*> parsers;

  explicit Commands(CLI::App& app) {
    all.push_back(std::make_unique<InfoCommand>());
    all.push_back(std::make_unique<ComputeCommand>());
    all.push_back(std::make_unique<CheckCommand>());
    all.push_back(std::make_unique<LoadCommand>());
    for (const auto& command : all) parsers.push_back(command->Declare(app));
  }

  // The one that the command line chose; the parser makes sure that there is one.
  Subcommand& Chosen() const {
    const auto found = std::find_if(parsers.begin(), parsers.end(), [](const CLI::App* p) { return p->parsed(); });
    return *all[static_cast<size_t>(found - parsers.begin())];
  }
};

int Report(const absl::StatusOr<int>& result, std::ostream& err) {
  if (result.ok()) return *result;
  PrintError(result.status(), err);
  return IsUsageError(result.status()) ? kExitUsage : kExitFailure;
}

}  // namespace

int RunLossctl(std::vector<std::string> arguments, const Streams& streams) {
  CLI::App app("Talks to a lossd server: losses and gradients over .npy files, server facts, golden checks, load.",
               "lossctl");
  app.require_subcommand(1);
  app.set_version_flag("--version", VersionText("lossctl"), "Print the version and exit");
  const Commands commands(app);
  try {
    std::reverse(arguments.begin(), arguments.end());  // As CLI11 takes them.
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return app.exit(error, streams.out, streams.err) == 0 ? kExitOk : kExitUsage;
  }
  return Report(commands.Chosen().Run(streams), streams.err);
}

}  // namespace lossd::cli
