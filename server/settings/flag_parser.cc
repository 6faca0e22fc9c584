// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/settings/flag_parser.h"

#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/status/spelling.h"
#include "core/status/status_macros.h"
#include "server/process/system_files.h"
#include "server/settings/flag_table.h"

namespace lossd {
namespace {

constexpr int kDeepestFlagfile = 8;  // Files that name files.
constexpr size_t kLargestFlagfile = 1 << 20;
constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";  // Some editors put it before a text.
constexpr absl::string_view kFlagfile = "flagfile";
constexpr absl::string_view kPrefix = "LOSSD_";
constexpr size_t kHelpColumns = 100;

// Names that may stand behind --, or in a variable behind LOSSD_.
std::vector<std::string> KnownNames() {
  std::vector<std::string> names = FlagNames();
  names.emplace_back(kFlagfile);
  return names;
}

std::string Variable(absl::string_view flag) { return absl::StrCat(kPrefix, absl::AsciiStrToUpper(flag)); }

absl::Status UnknownFlag(absl::string_view written, const std::string& name) {
  const auto meant = NearestName(name, KnownNames());
  return absl::InvalidArgumentError(
      absl::StrCat("--", written, ": expected a flag of lossd (see --help), got another",
                   meant.has_value() ? absl::StrCat("; did you mean --", *meant, "?") : ""));
}

absl::Status NoFlag(absl::string_view argument) {
  absl::string_view name = argument;
  std::string meant;
  if (absl::ConsumePrefix(&name, "-")) {
    const auto nearest = NearestName(std::string(name.substr(0, name.find('='))), KnownNames());
    if (nearest.has_value()) meant = absl::StrCat("; did you mean --", *nearest, "?");
  }
  return absl::InvalidArgumentError(
      absl::StrCat("expected flags only (--name=value, see --help), got \"", argument, "\"", meant));
}

absl::StatusOr<std::vector<std::string>> FlagfileArguments(const std::string& path) {
  const absl::StatusOr<std::string> content = ReadRegularFile(path, kLargestFlagfile);
  if (!content.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--flagfile: cannot read \"", path, "\": ", content.status().message()));
  }
  std::vector<std::string> arguments;
  for (absl::string_view line : absl::StrSplit(absl::StripPrefix(*content, kByteOrderMark), '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty() && line[0] != '#') arguments.emplace_back(line);
  }
  return arguments;
}

// A flag and the text of its value.
struct Assignment {
  std::string name;
  std::string value;
};

// Reads the flag at arguments[i], which may take the argument behind it; leaves i at the last one that it took.
absl::StatusOr<Assignment> ReadAssignment(const std::vector<std::string>& arguments, size_t& i) {
  absl::string_view written = arguments[i];
  if (written == "-h") return Assignment{"help", "true"};
  if (!absl::ConsumePrefix(&written, "--")) return NoFlag(written);
  const size_t equals = written.find('=');
  std::string name = absl::StrReplaceAll(written.substr(0, equals), {{"-", "_"}});
  const Flag* const flag = FindFlag(name);
  if (flag == nullptr && absl::StartsWith(name, "no") && equals == absl::string_view::npos) {
    const Flag* const negated = FindFlag(name.substr(2));
    if (negated != nullptr && IsSwitch(*negated)) return Assignment{negated->name, "false"};
  }
  if (flag == nullptr && name != kFlagfile) return UnknownFlag(written.substr(0, equals), name);
  if (equals != absl::string_view::npos) return Assignment{std::move(name), std::string(written.substr(equals + 1))};
  if (flag != nullptr && IsSwitch(*flag)) return Assignment{std::move(name), "true"};
  if (i + 1 == arguments.size()) {
    return absl::InvalidArgumentError(absl::StrCat("--", name, ": expected a value, got none"));
  }
  return Assignment{std::move(name), arguments[++i]};
}

// Reads into one command line.
class Parser {
 public:
  absl::Status ParseArguments(const std::vector<std::string>& arguments, int depth) {
    for (size_t i = 0; i < arguments.size(); ++i) {
      LOSSD_ASSIGN_OR_RETURN(const Assignment assignment, ReadAssignment(arguments, i));
      LOSSD_RETURN_IF_ERROR(assignment.name == kFlagfile ? ParseFlagfile(assignment.value, depth) : Set(assignment));
    }
    return absl::OkStatus();
  }

  absl::Status ParseVariable(const std::string& flag, const Environment& environment) {
    const auto variable = environment.find(Variable(flag));
    if (variable == environment.end()) return absl::OkStatus();
    absl::Status status = ParseArguments({absl::StrCat("--", flag, "=", variable->second)}, 0);
    if (status.ok()) return status;
    return absl::InvalidArgumentError(absl::StrCat(variable->first, ": ", status.message()));
  }

  absl::StatusOr<CommandLine> Finish() && {
    const ServerOptions& options = line_.options;
    if (given_.contains("max_concurrent_streams") && options.max_concurrent_streams > options.max_concurrent_calls) {
      return BadFlag("max_concurrent_streams",
                     absl::StrCat("at most --max_concurrent_calls, which is ", options.max_concurrent_calls),
                     absl::StrCat(options.max_concurrent_streams));
    }
    return std::move(line_);
  }

 private:
  absl::Status Set(const Assignment& assignment) {
    given_.insert(assignment.name);
    return SetFlag(*FindFlag(assignment.name), assignment.value, line_);
  }

  absl::Status ParseFlagfile(const std::string& path, int depth) {
    if (depth >= kDeepestFlagfile) {
      return absl::InvalidArgumentError(
          absl::StrCat("--flagfile: expected files nested at most ", kDeepestFlagfile, " deep, got more"));
    }
    LOSSD_ASSIGN_OR_RETURN(const std::vector<std::string> nested, FlagfileArguments(path));
    return ParseArguments(nested, depth + 1);
  }

  CommandLine line_;
  std::set<std::string> given_;
};

// Whether Kubernetes or Docker may have made the variable of a service's name: LOSSD_SERVICE_PORT_GRPC, LOSSD_PORT,
// LOSSD_ADMIN_PORT_50052_TCP_ADDR.
bool IsOfService(absl::string_view variable) {
  return absl::EndsWith(variable, "_SERVICE_HOST") || absl::StrContains(variable, "_SERVICE_PORT") ||
         absl::EndsWith(variable, "_PORT") || absl::StrContains(variable, "_TCP");
}

absl::Status CheckSpelling(const Environment& environment) {
  std::set<std::string> known;
  for (const std::string& name : KnownNames()) known.insert(Variable(name));
  for (const auto& [variable, value] : environment) {
    int64_t port = 0;
    if (variable == "LOSSD_PORT" && absl::SimpleAtoi(value, &port)) {  // Kubernetes' would be tcp://host:port.
      return absl::InvalidArgumentError(absl::StrCat(
          "LOSSD_PORT: expected a variable of lossd, got another; did you mean LOSSD_LISTEN=0.0.0.0:", port, "?"));
    }
    if (!absl::StartsWith(variable, kPrefix) || known.contains(variable) || IsOfService(variable)) continue;
    const auto meant = NearestName(absl::AsciiStrToLower(variable.substr(kPrefix.size())), KnownNames());
    if (!meant.has_value()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(variable, ": expected a variable of lossd, got another; did you mean ", Variable(*meant), "?"));
  }
  return absl::OkStatus();
}

// `text` in lines of at most `width` characters, each behind `indent` spaces.
std::string Wrapped(absl::string_view text, size_t indent, size_t width) {
  std::string result;
  std::string line;
  for (absl::string_view word : absl::StrSplit(text, ' ')) {
    if (!line.empty() && line.size() + 1 + word.size() > width - indent) {
      absl::StrAppend(&result, std::string(indent, ' '), line, "\n");
      line.clear();
    }
    absl::StrAppend(&line, line.empty() ? "" : " ", word);
  }
  return absl::StrCat(result, std::string(indent, ' '), line, "\n");
}

}  // namespace

absl::StatusOr<CommandLine> ParseFlags(const std::vector<std::string>& arguments, const Environment& environment) {
  LOSSD_RETURN_IF_ERROR(CheckSpelling(environment));
  Parser parser;
  LOSSD_RETURN_IF_ERROR(parser.ParseVariable(std::string(kFlagfile), environment));
  for (const std::string& flag : FlagNames()) LOSSD_RETURN_IF_ERROR(parser.ParseVariable(flag, environment));
  LOSSD_RETURN_IF_ERROR(parser.ParseArguments(arguments, 0));
  return std::move(parser).Finish();
}

std::string HelpText() {
  std::string text =
      "lossd computes losses and their gradients as a gRPC service.\n\n"
      "usage: lossd [--flag=value ...] [--flagfile=PATH]\n\n"
      "Each flag can also be set in the environment, as LOSSD_<FLAG>; the command line wins, and a variable over\n"
      "LOSSD_FLAGFILE's file. Bytes may have a unit (256MiB), durations need one (500ms, 10s, 1h30m; inf: none).\n"
      "SIGTERM and SIGINT stop the server as --drain_delay and --shutdown_timeout say, a second one at once; SIGHUP\n"
      "makes it read the files of --tls_* and --auth_token_file now.\n"
      "Exit codes: 0 clean, 1 failed, 2 usage, 3 cannot bind, 4 no such device.\n";
  const ServerOptions defaults;
  for (const FlagGroup& group : FlagGroups()) {
    absl::StrAppend(&text, "\n", group.title, "\n");
    for (const Flag& flag : group.flags) {
      absl::StrAppend(&text, "  --", flag.name, IsSwitch(flag) ? "" : "=", FlagText(flag, defaults), "\n",
                      Wrapped(flag.help, 6, kHelpColumns));
    }
  }
  return text;
}

}  // namespace lossd
