// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/load_command.h"

#include <CLI/App.hpp>
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/interrupt_watch.h"
#include "client/cli/load_progress.h"
#include "client/cli/load_values.h"
#include "client/load/load_compare.h"
#include "client/load/report_html.h"
#include "client/load/report_text.h"
#include "core/status/printable.h"
#include "core/status/status_macros.h"

namespace lossd::cli {
namespace {

constexpr char kFooter[] =
    "Examples:\n"
    "  One request at a time, until the figures are stable:\n"
    "    lossctl load --loss nt_xent --shape 256,128\n"
    "  A sweep over calls in flight on four connections, with a page of plots:\n"
    "    lossctl load --loss cpc --shape 32,64,7,7 --concurrency 1:64 --connections 4 --html report.html\n"
    "  An open loop of Poisson arrivals, 500 a second for a minute:\n"
    "    lossctl load --loss nt_xent --shape 256,128 --rate 500 --arrivals poisson --duration 1m\n"
    "  The highest rate that keeps p99 within 20 ms; exit code 1 if there is none:\n"
    "    lossctl load --loss cpc --shape 32,64,7,7 --rate 10:1000 --find-max --slo-p99 20ms\n"
    "  A comparison with an earlier run, for a pipeline:\n"
    "    lossctl load --loss nt_xent --shape 256,128 --compare baseline.json --max-regression 5%\n"
    "\n"
    "Durations have a unit (500us, 20ms, 1.5s, 2m), shares are percentages or numbers (5%, 0.05), sizes are bytes.\n"
    "\n"
    "Exit codes: 0 all well; 1 an objective missed at a level (with --find-max: at all of them), an answer that\n"
    "differs from the local computation, a level worse than --max-regression allows or none to compare, no connection, "
    "metrics that\n"
    "could not be read any more, or a server that does not answer after chaos; 2 wrong usage; 130 interrupted (Ctrl-C "
    "ends the run and reports what was measured).";

absl::Status OpenFile(absl::string_view flag, const std::string& path, std::ofstream& file) {
  if (path.empty()) return absl::OkStatus();
  errno = 0;
  file.open(path, std::ios::binary);
  return file ? absl::OkStatus() : UsageError(absl::StrCat(flag, ": cannot write ", path, Reason(errno)));
}

// Whether two reports would be written to one file. Devices, such as /dev/null, take any number of them.
bool IsOneFile(const std::string& a, const std::string& b) {
  std::error_code error;
  const auto kind = std::filesystem::status(a, error).type();
  if (a.empty() || b.empty()) return false;
  if (kind == std::filesystem::file_type::not_found) {
    return std::filesystem::weakly_canonical(a, error) == std::filesystem::weakly_canonical(b, error);
  }
  return kind == std::filesystem::file_type::regular && std::filesystem::equivalent(a, b, error);
}

absl::Status WriteText(absl::string_view flag, const std::string& path, const std::string& text, std::ofstream& file) {
  if (!file.is_open()) return absl::OkStatus();
  errno = 0;
  file << text;
  file.close();
  if (file) return absl::OkStatus();
  return LocalError(absl::UnavailableError(absl::StrCat(flag, ": cannot write ", path, Reason(errno))));
}

// Compares with the baseline, if there is one; whether no level is worse by more than what is tolerated.
bool Compare(const std::optional<load::LoadReport>& baseline, std::optional<double> tolerance,
             const load::LoadReport& report, std::ostream& out) {
  if (!baseline) return true;
  out << '\n' << load::ComparisonText(*baseline, report);
  if (!tolerance) return true;
  const std::string incomparable = load::WhyNotComparable(*baseline, report);
  if (!incomparable.empty()) {
    out << "--max-regression was not checked: " << incomparable << '\n';
    return false;
  }
  const auto worse = load::Regressions(*baseline, report, *tolerance);
  if (!worse.empty()) out << "worse than the baseline: " << absl::StrJoin(worse, ", ") << '\n';
  return worse.empty();
}

// Whether no objective was missed, no answer differed, and the server was well to the end.
bool IsGood(const load::LoadReport& report) {
  const auto sound = [](const load::LevelFigures& level) {
    return level.different == 0 && level.metrics_error.empty();
  };
  if (!report.ill.empty() || !std::all_of(report.levels.begin(), report.levels.end(), sound)) return false;
  if (report.searched) return report.highest.has_value();
  return std::all_of(report.levels.begin(), report.levels.end(),
                     [](const load::LevelFigures& level) { return level.missed.empty(); });
}

}  // namespace

CLI::App* LoadCommand::Declare(CLI::App& app) {
  CLI::App* const command = app.add_subcommand(
      "load",
      "Load a server and measure it: latency percentiles, goodput, errors, for one level of load or several.\n"
      "Sends one request again and again, encoded once. In an open loop (--rate) latency counts from the time when a\n"
      "call was due, whether or not it could start then, and goodput is what is answered within the time measured.");
  command->footer(kFooter);
  request_.Declare(*command);
  shape_.Declare(*command);
  const std::string group = "Reports";
  const auto file = [&](const std::string& flag, std::string& path, const std::string& help) {
    command->add_option(flag, path, help)->type_name("FILE")->group(group);
  };
  file("--json", json_, "Write the report as JSON, set-up and windows included");
  file("--csv", csv_, "Write it as CSV, a line a level");
  file("--html", html_, "Write it as a page with plots that needs nothing else");
  file("--compare", compare_, "Compare with the report that --json has written to this file");
  command
      ->add_option("--max-regression", max_regression_,
                   "With --compare: exit code 1 where goodput is lower or p99 higher by more than this\n"
                   "share and by more than the noise of the windows")
      ->type_name("SHARE")
      ->group(group);
  command
      ->add_option("--progress-interval", progress_interval_,
                   "Between lines of progress where stderr is no terminal; 0s: none")
      ->type_name("DURATION")
      ->capture_default_str()
      ->group(group);
  connection_.Declare(*command);
  return command;
}

absl::StatusOr<load::LoadPlan> LoadCommand::Plan() const {
  load::LoadPlan plan;
  plan.seed = request_.seed();
  plan.engine.target = connection_.target();
  LOSSD_ASSIGN_OR_RETURN(plan.engine.client, connection_.Options());
  LOSSD_ASSIGN_OR_RETURN(plan.request, request_.Request(*plan.engine.client.max_message_bytes, plan.what));
  LOSSD_RETURN_IF_ERROR(shape_.Fill(plan));
  return plan;
}

absl::StatusOr<LoadCommand::Baseline> LoadCommand::ReadBaseline() const {
  Baseline baseline;
  if (!max_regression_.empty()) {
    if (compare_.empty()) return UsageError("--max-regression: expected --compare, got none");
    LOSSD_ASSIGN_OR_RETURN(baseline.tolerance, ParseShare("--max-regression", max_regression_));
  }
  if (compare_.empty()) return baseline;
  LOSSD_ASSIGN_OR_RETURN(const std::string text, ReadFlagFile("--compare", compare_));
  auto report = load::ReportFromJson(text);
  if (!report.ok()) return UsageError(absl::StrCat("--compare: ", compare_, ": ", report.status().message()));
  baseline.report = *std::move(report);
  return baseline;
}

absl::StatusOr<LoadCommand::Files> LoadCommand::OpenFiles() const {
  const std::pair<const char*, const std::string&> reports[] = {{"--json", json_}, {"--csv", csv_}, {"--html", html_}};
  for (const auto& [flag, path] : reports) {
    for (const auto& [other, taken] : reports) {
      if (&taken == &path) break;
      if (!IsOneFile(path, taken)) continue;
      return UsageError(absl::StrCat(flag, ": expected another file than that of ", other, ", got ", path));
    }
  }
  Files files;
  LOSSD_RETURN_IF_ERROR(OpenFile("--json", json_, files.json));
  LOSSD_RETURN_IF_ERROR(OpenFile("--csv", csv_, files.csv));
  LOSSD_RETURN_IF_ERROR(OpenFile("--html", html_, files.html));
  return files;
}

absl::Status LoadCommand::WriteFiles(const load::LoadReport& report, Files& files) const {
  absl::Status status = WriteText("--json", json_, load::ToJson(report).dump(2) + "\n", files.json);
  status.Update(WriteText("--csv", csv_, load::ReportCsv(report), files.csv));
  status.Update(WriteText("--html", html_, load::ReportHtml(report), files.html));
  return status;
}

absl::StatusOr<int> LoadCommand::Run(const Streams& streams) {
  load::StopSignal stop;
  const InterruptWatch watch([&] {
    stop.Trigger();
    streams.err << "\nlossctl: interrupted: cancels the calls under way and reports; once more to end at once"
                << std::endl;
  });
  LOSSD_ASSIGN_OR_RETURN(load::LoadPlan plan, Plan());
  plan.command_line = streams.command_line;
  LOSSD_ASSIGN_OR_RETURN(const absl::Duration interval, ParseLength("--progress-interval", progress_interval_));
  LOSSD_ASSIGN_OR_RETURN(const Baseline baseline, ReadBaseline());
  LOSSD_ASSIGN_OR_RETURN(Files files, OpenFiles());
  auto report = [&] {
    LoadProgress progress(streams.err, streams.terminal, interval);
    return load::RunLoad(plan, stop, [&](const load::Level& level, const load::Window& window) {
      progress.Show(RealClock().TimeNow(), level, window);
    });
  }();
  if (absl::IsCancelled(report.status()) && stop.triggered()) return kExitInterrupted;
  LOSSD_RETURN_IF_ERROR(report.status());
  for (load::LevelFigures& level : report->levels) {
    for (auto& [code, error] : level.errors) error.example = Printable(InFlags(error.example));
  }
  streams.out << load::ReportText(*report);
  const absl::Status written = WriteFiles(*report, files);
  const bool as_good = Compare(baseline.report, baseline.tolerance, *report, streams.out);
  LOSSD_RETURN_IF_ERROR(written);
  if (report->interrupted) return kExitInterrupted;
  return as_good && IsGood(*report) ? kExitOk : kExitFailure;
}

}  // namespace lossd::cli
