// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/lossctl.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client/cli/arguments.h"
#include "client/cli/check_command.h"
#include "client/cli/compute_command.h"
#include "client/cli/connection_flags.h"
#include "client/cli/info_command.h"
#include "client/cli/load_command.h"
#include "client/cli/paper_commands.h"
#include "client/cpp/error_details.h"
#include "core/process/build_info.h"
#include "core/status/printable.h"
#include "core/status/spelling.h"

namespace lossd::cli {
namespace {

void PrintError(const absl::Status& status, std::ostream& err) {
  err << "lossctl: ";
  if (!IsUsageError(status) && !IsLocalError(status)) err << absl::StatusCodeToString(status.code()) << ": ";
  err << Printable(InFlags(status.message())) << (status.message().empty() ? "no reason given" : "") << '\n';
  const client::ErrorDetails details = client::DetailsOf(status);
  for (const auto& violation : details.field_violations) {
    err << "  field " << Printable(violation.field) << ": " << Printable(violation.description) << '\n';
  }
  for (const auto& violation : details.quota_violations) {
    err << "  limit " << Printable(violation.subject) << ": " << Printable(violation.description) << '\n';
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
    all.push_back(std::make_unique<CompletionCommand>());
    all.push_back(std::make_unique<ManCommand>());
    for (const auto& command : all) parsers.push_back(command->Declare(app));
  }

  std::vector<std::string> List() const {
    std::vector<std::string> names;
    for (const CLI::App* const parser : parsers) names.push_back(parser->get_name());
    return names;
  }
  // "info, compute, ... or man".
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

// The kind of value of an option, for people.
std::string ValueInWords(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const bool is_whole = absl::StrContains(type, "INT"), is_number = is_whole || absl::StrContains(type, "FLOAT");
  return is_whole ? "a whole number" : is_number ? "a number" : "another value";
}

// What the parser says of a value that it cannot read, in this program's words; others as they are.
absl::StatusOr<int> InOwnWords(const CLI::ConversionError& error, const Commands& commands) {
  absl::string_view text = error.what();
  absl::ConsumePrefix(&text, "Could not convert: ");
  const size_t equals = text.find(" = ");
  const std::string name(text.substr(0, equals));
  const std::string value(equals == absl::string_view::npos ? "" : text.substr(equals + 3));
  for (const CLI::App* const parser : commands.parsers) {
    const CLI::Option* const option = parser->parsed() ? parser->get_option_no_throw(name) : nullptr;
    if (option != nullptr) {
      return UsageError(absl::StrCat(name, ": expected ", ValueInWords(*option), ", got '", value, "'"));
    }
  }
  return UsageError(error.what());
}

// What was meant by a flag that `parser` has not: "; did you mean --temperature?", or "".
std::string DidYouMean(const CLI::App& parser, absl::string_view written) {
  std::vector<std::string> names;
  for (const CLI::Option* const option : parser.get_options()) {
    names.insert(names.end(), option->get_lnames().begin(), option->get_lnames().end());
  }
  while (absl::ConsumePrefix(&written, "-")) {
  }
  const auto meant = NearestName(written, names);
  return meant ? absl::StrCat("; did you mean --", *meant, "?") : "";
}

// "--target: expected once, got it 2 times" for what the parser says of that; other texts as they are.
std::string OnceInOwnWords(absl::string_view text) {
  constexpr absl::string_view kLimit = ": At Most 1 required but received ";
  const size_t at = text.find(kLimit);
  if (at == absl::string_view::npos) return std::string(text);
  return absl::StrCat(text.substr(0, at), ": expected once, got it ", text.substr(at + kLimit.size()), " times");
}

// What the parser says of a command line that it cannot take, in this program's words.
absl::StatusOr<int> InOwnWords(const CLI::ParseError& error, const CLI::App& app, const Commands& commands) {
  const auto& parsers = commands.parsers;
  const auto found = std::find_if(parsers.begin(), parsers.end(), [](const CLI::App* p) { return p->parsed(); });
  const CLI::App& parser = found == parsers.end() ? app : **found;
  const std::string name = &parser == &app ? "lossctl" : absl::StrCat("lossctl ", parser.get_name());
  const std::vector<std::string> left = app.remaining(true);
  const auto flag =
      std::find_if(left.begin(), left.end(), [](const std::string& a) { return a.size() > 1 && a[0] == '-'; });
  const bool too_many = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !left.empty();
  if (flag == left.end() && too_many) {
    return UsageError(absl::StrCat("expected no further argument (see ", name, " --help), got '", left.front(), "'"));
  }
  if (flag == left.end() && found == parsers.end()) {
    return UsageError(absl::StrCat("expected ", commands.Names(), ", got none (see lossctl --help)"));
  }
  if (flag == left.end()) return UsageError(absl::StrCat(OnceInOwnWords(error.what()), " (see ", name, " --help)"));
  const std::string written = flag->substr(0, flag->find('='));
  return UsageError(absl::StrCat(written, ": expected a flag of ", name, " (see ", name, " --help), got another",
                                 DidYouMean(parser, written)));
}

int Report(const absl::StatusOr<int>& result, std::ostream& err) {
  if (result.ok()) return *result;
  PrintError(result.status(), err);
  return IsUsageError(result.status()) ? kExitUsage : kExitFailure;
}

}  // namespace

int RunLossctl(std::vector<std::string> arguments, const Streams& streams) {
  CLI::App app("Talks to a lossd server: losses and gradients over files of arrays, server facts, golden checks, load.",
               "lossctl");
  app.require_subcommand(1);
  app.set_version_flag("--version", VersionText("lossctl"), "Print the version and exit");
  const Commands commands(app);
  Streams run = {streams.out, streams.err, streams.terminal, arguments};
  run.command_line.insert(run.command_line.begin(), "lossctl");
  const std::vector<std::string> names = commands.List();
  arguments = Normalized(std::move(arguments), names);
  const bool is_command = !arguments.empty() && std::find(names.begin(), names.end(), arguments.front()) != names.end();
  if (!arguments.empty() && arguments.front().substr(0, 1) != "-" && !is_command) {
    return Report(UsageError(absl::StrCat("expected ", commands.Names(), ", got '", arguments.front(), "'")),
                  streams.err);
  }
  try {
    std::reverse(arguments.begin(), arguments.end());  // As CLI11 takes them.
    app.parse(std::move(arguments));
  } catch (const CLI::ConversionError& error) {
    return Report(InOwnWords(error, commands), streams.err);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return Report(InOwnWords(error, app, commands), streams.err);
    app.exit(error, streams.out, streams.err);  // Help, or the version.
    return streams.out.flush() ? kExitOk : kExitFailure;
  }
  const int code = Report(commands.Chosen().Run(run), streams.err);
  if (streams.out.flush()) return code;
  streams.err << "lossctl: the output cannot be written\n";
  return code == kExitOk ? kExitFailure : code;
}

}  // namespace lossd::cli
