// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/check_command.h"

#include <CLI/App.hpp>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/golden/check_case.h"
#include "client/cli/progress_bar.h"
#include "client/cli/text_table.h"
#include "core/status/status_macros.h"

namespace lossd::cli {
namespace {

constexpr std::array<Outcome, 5> kOutcomes = {Outcome::kPassed, Outcome::kFailed, Outcome::kRefused,
                                              Outcome::kInformative, Outcome::kSkipped};

struct CheckedCase {
  std::string name;
  Verdict verdict;
};

size_t Count(const std::vector<CheckedCase>& cases, Outcome outcome) {
  size_t count = 0;
  for (const CheckedCase& checked : cases) count += checked.verdict.outcome == outcome ? 1 : 0;
  return count;
}

CheckedCase Check(const std::string& folder, Client& client) {
  const auto golden = LoadGoldenCase(folder);
  if (golden.ok()) return {golden->name, CheckCase(*golden, client)};
  return {std::filesystem::path(folder).filename().string(),
          {Outcome::kFailed, std::string(golden.status().message())}};
}

void PrintTables(const std::vector<CheckedCase>& cases, bool verbose, std::ostream& out) {
  TextTable details({"case", "outcome", "detail"});
  bool any = false;
  for (const CheckedCase& checked : cases) {
    const Outcome outcome = checked.verdict.outcome;
    if (!verbose && (outcome == Outcome::kPassed || outcome == Outcome::kRefused)) continue;
    details.AddRow({checked.name, std::string(OutcomeName(outcome)), checked.verdict.detail});
    any = true;
  }
  if (any) {
    details.Print(out);
    out << '\n';
  }
  TextTable summary({"outcome", "cases"});
  for (const Outcome outcome : kOutcomes) {
    summary.AddRow({std::string(OutcomeName(outcome)), absl::StrCat(Count(cases, outcome))});
  }
  summary.Print(out);
}

void PrintJson(const std::vector<CheckedCase>& cases, std::ostream& out) {
  nlohmann::json summary, list = nlohmann::json::array();
  for (const Outcome outcome : kOutcomes) summary[std::string(OutcomeName(outcome))] = Count(cases, outcome);
  for (const CheckedCase& checked : cases) {
    list.push_back({{"name", checked.name},
                    {"outcome", std::string(OutcomeName(checked.verdict.outcome))},
                    {"detail", checked.verdict.detail}});
  }
  out << nlohmann::json{{"summary", summary}, {"cases", list}}.dump(2, ' ', false,
                                                                    nlohmann::json::error_handler_t::replace)
      << '\n';
}

}  // namespace

CLI::App* CheckCommand::Declare(CLI::App& app) {
  CLI::App* const command = app.add_subcommand(
      "check",
      "Run golden cases against a server and compare its losses and gradients with the reference's.\n"
      "Exits with 1 if a case fails. Cases are folders with a case.json; see tests/golden/INDEX.md.");
  command->add_option("directory", directory_, "Folder of cases, or one case")->required();
  command->add_option("--filter", filter_, "Only cases whose name contains this");
  command->add_flag("-v,--verbose", verbose_, "List also the cases that passed");
  command->add_flag("--json", json_, "Print JSON instead of tables");
  connection_.Declare(*command);
  return command;
}

absl::StatusOr<int> CheckCommand::Run(const Streams& streams) {
  absl::StatusOr<std::vector<std::string>> listed = ListGoldenCases(directory_);
  if (!listed.ok()) return UsageError(absl::StrCat("directory: ", listed.status().message()));
  std::vector<std::string> folders = *std::move(listed);
  std::erase_if(folders, [&](const std::string& folder) {
    return !absl::StrContains(std::filesystem::path(folder).filename().string(), filter_);
  });
  if (folders.empty()) {
    return UsageError(absl::StrCat("--filter: no case in ", directory_, " has '", filter_, "' in its name"));
  }
  LOSSD_ASSIGN_OR_RETURN(const auto client, connection_.Connect());
  std::vector<CheckedCase> cases;
  {
    ProgressBar progress(folders.size(), streams.terminal ? &streams.err : nullptr);
    for (const std::string& folder : folders) {
      progress.Show(cases.size(), std::filesystem::path(folder).filename().string());
      cases.push_back(Check(folder, *client));
    }
  }
  if (json_) {
    PrintJson(cases, streams.out);
  } else {
    PrintTables(cases, verbose_, streams.out);
  }
  return Count(cases, Outcome::kFailed) == 0 ? kExitOk : kExitFailure;
}

}  // namespace lossd::cli
