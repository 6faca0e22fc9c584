// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/lossctl.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cli/check_command.h"
#include "client/cli/compute_command.h"
#include "client/cli/connection_flags.h"
#include "client/cli/info_command.h"
#include "client/cli/load_command.h"
#include "client/cpp/error_details.h"
#include "core/process/build_info.h"

namespace lossd::cli {
namespace {

void PrintError(const absl::Status& status, std::ostream& err) {
  err << "lossctl: ";
  if (!IsUsageError(status)) err << absl::StatusCodeToString(status.code()) << ": ";
  err << InFlags(status.message()) << (status.message().empty() ? "no reason given" : "") << '\n';
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

  bool Has(const std::string& name) const {
    return std::any_of(parsers.begin(), parsers.end(), [&](const CLI::App* p) { return p->get_name() == name; });
  }
  // "info, compute, check or load".
  std::string Names() const {
    std::string names = parsers.front()->get_name();
    for (size_t i = 1; i < parsers.size(); ++i) {
      absl::StrAppend(&names, i + 1 == parsers.size() ? " or " : ", ", parsers[i]->get_name());
    }
    return names;
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
  if (!arguments.empty() && arguments.front() == "help") {
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
  }
  if (!arguments.empty() && arguments.front().substr(0, 1) != "-" && !commands.Has(arguments.front())) {
    return Report(UsageError(absl::StrCat("expected ", commands.Names(), ", got '", arguments.front(), "'")),
                  streams.err);
  }
  Streams run = {streams.out, streams.err, streams.terminal, arguments};
  run.command_line.insert(run.command_line.begin(), "lossctl");
  try {
    std::reverse(arguments.begin(), arguments.end());  // As CLI11 takes them.
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error, streams.out, streams.err) == 0 ? kExitOk : kExitUsage;
    return streams.out.flush() ? code : kExitFailure;
  }
  const int code = Report(commands.Chosen().Run(run), streams.err);
  if (streams.out.flush()) return code;
  streams.err << "lossctl: the output cannot be written\n";
  return code == kExitOk ? kExitFailure : code;
}

}  // namespace lossd::cli
