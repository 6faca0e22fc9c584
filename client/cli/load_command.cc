// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/load_command.h"

#include <CLI/App.hpp>
#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/load_values.h"
#include "client/load/report_html.h"
#include "client/load/report_text.h"
#include "core/status/status_macros.h"

namespace lossd::cli {
namespace {

absl::Status WriteText(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(path, ": cannot be written"));
}

// One line, drawn over itself.
std::string ProgressLine(const load::Level& level, const load::Window& window) {
  const std::string name = level.arrivals ? absl::StrFormat("rate %g", level.arrivals->to_rate)
                                          : absl::StrCat("concurrency ", level.concurrency);
  return absl::StrFormat("\r\x1b[K%s: %.0f calls/s, p50 %.3f ms, p99 %.3f ms, %d errors", name,
                         static_cast<double>(window.calls.succeeded) / absl::ToDoubleSeconds(window.length),
                         absl::ToDoubleMilliseconds(window.calls.latency.Percentile(0.5)),
                         absl::ToDoubleMilliseconds(window.calls.latency.Percentile(0.99)), window.calls.failed());
}

bool MeetsAll(const load::LoadPlan& plan, const load::LoadReport& report) {
  const auto equal = [](const load::LevelFigures& level) { return level.different == 0; };
  if (!std::all_of(report.levels.begin(), report.levels.end(), equal)) return false;
  if (report.searched) return report.highest.has_value();
  return plan.chaos.has_value() ||
         std::all_of(report.levels.begin(), report.levels.end(),
                     [&](const load::LevelFigures& level) { return load::Meets(level, plan.objectives); });
}

}  // namespace

CLI::App* LoadCommand::Declare(CLI::App& app) {
  CLI::App* const command =
      app.add_subcommand("load",
                         "Load a server and measure it.\n"
                         "Example: lossctl load --loss nt_xent --shape 256,128 --concurrency 1:64\n"
                         "Example: lossctl load --loss cpc --shape 32,64,7,7 --rate 10:200 --find-max --slo-p99 50ms");
  request_.Declare(*command);
  shape_.Declare(*command);
  const std::string group = "Reports";
  command->add_option("--json", json_, "Write the report as JSON to this file")->group(group);
  command->add_option("--csv", csv_, "Write it as CSV")->group(group);
  command->add_option("--html", html_, "Write it as a page with plots")->group(group);
  command->add_option("--compare", compare_, "Compare with the report that --json has written here")->group(group);
  command->add_option("--max-regression", max_regression_, "With --compare: exit code 1 where goodput or p99 is worse")
      ->group(group);
  connection_.Declare(*command);
  return command;
}

absl::StatusOr<load::LoadPlan> LoadCommand::Plan() const {
  load::LoadPlan plan;
  plan.seed = request_.seed();
  plan.engine.target = connection_.target();
  LOSSD_ASSIGN_OR_RETURN(plan.engine.client, connection_.Options());
  LOSSD_ASSIGN_OR_RETURN(plan.request, request_.Request(plan.what));
  LOSSD_RETURN_IF_ERROR(shape_.Fill(plan));
  return plan;
}

absl::Status LoadCommand::WriteFiles(const load::LoadReport& report) const {
  if (!json_.empty()) LOSSD_RETURN_IF_ERROR(WriteText(json_, load::ToJson(report).dump(2) + "\n"));
  if (!csv_.empty()) LOSSD_RETURN_IF_ERROR(WriteText(csv_, load::ReportCsv(report)));
  if (!html_.empty()) LOSSD_RETURN_IF_ERROR(WriteText(html_, load::ReportHtml(report)));
  return absl::OkStatus();
}

absl::StatusOr<bool> LoadCommand::Compare(const load::LoadReport& report, const Streams& streams) const {
  if (compare_.empty()) return true;
  std::ifstream file(compare_, std::ios::binary);
  if (!file) return UsageError(absl::StrCat("--compare: cannot read ", compare_));
  const auto baseline = load::ReportFromJson(std::string(std::istreambuf_iterator<char>(file), {}));
  if (!baseline.ok()) return UsageError(absl::StrCat("--compare: ", compare_, ": ", baseline.status().message()));
  streams.out << '\n' << load::ComparisonText(*baseline, report);
  if (max_regression_.empty()) return true;
  LOSSD_ASSIGN_OR_RETURN(const double tolerance, ParseShare("--max-regression", max_regression_));
  const auto worse = load::Regressions(*baseline, report, tolerance);
  if (!worse.empty()) streams.out << "worse than the baseline: " << absl::StrJoin(worse, ", ") << '\n';
  return worse.empty();
}

absl::StatusOr<int> LoadCommand::Run(const Streams& streams) {
  LOSSD_ASSIGN_OR_RETURN(const load::LoadPlan plan, Plan());
  const auto progress = [&](const load::Level& level, const load::Window& window) {
    if (streams.terminal) streams.err << ProgressLine(level, window) << std::flush;
  };
  const absl::StatusOr<load::LoadReport> report = load::RunLoad(plan, progress);
  if (streams.terminal) streams.err << "\r\x1b[K" << std::flush;
  LOSSD_RETURN_IF_ERROR(report.status());
  streams.out << load::ReportText(*report);
  LOSSD_RETURN_IF_ERROR(WriteFiles(*report));
  LOSSD_ASSIGN_OR_RETURN(const bool as_good, Compare(*report, streams));
  return as_good && MeetsAll(plan, *report) ? kExitOk : kExitFailure;
}

}  // namespace lossd::cli
