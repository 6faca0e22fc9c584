// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Reads arguments and environment into the flags, and prints their help.

#include <fstream>
#include <utility>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/status/status_macros.h"
#include "server/flags.h"

namespace lossd {
namespace {

constexpr int kDeepestFlagfile = 8;  // Files that name files.
constexpr absl::string_view kFlagfile = "flagfile";
constexpr size_t kHelpColumns = 100;

bool IsOurs(absl::string_view name) {
  for (const FlagGroup& group : FlagGroups()) {
    for (const std::string& flag : group.flags) {
      if (flag == name) return true;
    }
  }
  return false;
}

absl::Status UnknownFlag(absl::string_view name) {
  return absl::InvalidArgumentError(absl::StrCat("--", name, ": expected a flag of lossd (see --help), got another"));
}

absl::Status Set(absl::string_view name, absl::string_view value) {
  if (!IsOurs(name)) return UnknownFlag(name);
  std::string error;
  if (absl::FindCommandLineFlag(name)->ParseFrom(value, &error)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--", name, ": expected a value of its type, got \"", value, "\"",
                                                 error.empty() ? "" : ": ", error));
}

bool IsSwitch(absl::string_view name) { return IsOurs(name) && absl::FindCommandLineFlag(name)->IsOfType<bool>(); }

absl::StatusOr<std::vector<std::string>> FlagfileArguments(const std::string& path) {
  std::ifstream file(path);
  const auto cannot_read = absl::InvalidArgumentError(absl::StrCat("--flagfile: cannot read \"", path, "\""));
  if (!file) return cannot_read;
  std::vector<std::string> arguments;
  for (std::string line; std::getline(file, line);) {
    const absl::string_view text = absl::StripAsciiWhitespace(line);
    if (!text.empty() && text[0] != '#') arguments.emplace_back(text);
  }
  if (file.bad()) return cannot_read;  // A folder, which can be opened.
  return arguments;
}

// A flag and the text of its value.
struct Assignment {
  std::string name;
  std::string value;
};

// Reads the flag at arguments[i], which may take the argument behind it; leaves i at the last one that it took.
absl::StatusOr<Assignment> ReadAssignment(const std::vector<std::string>& arguments, size_t& i) {
  absl::string_view name = arguments[i];
  if (!absl::ConsumePrefix(&name, "--")) {
    return absl::InvalidArgumentError(absl::StrCat("expected flags only (--name=value), got \"", name, "\""));
  }
  const size_t equals = name.find('=');
  if (equals != absl::string_view::npos) {
    return Assignment{std::string(name.substr(0, equals)), std::string(name.substr(equals + 1))};
  }
  if (IsSwitch(name)) return Assignment{std::string(name), "true"};
  if (absl::StartsWith(name, "no") && IsSwitch(name.substr(2))) return Assignment{std::string(name.substr(2)), "false"};
  if (!IsOurs(name) && name != kFlagfile) return UnknownFlag(name);
  if (i + 1 == arguments.size()) {
    return absl::InvalidArgumentError(absl::StrCat("--", name, ": expected a value, got none"));
  }
  return Assignment{std::string(name), arguments[++i]};
}

absl::Status ParseArguments(const std::vector<std::string>& arguments, int depth) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    LOSSD_ASSIGN_OR_RETURN(const Assignment flag, ReadAssignment(arguments, i));
    if (flag.name != kFlagfile) {
      LOSSD_RETURN_IF_ERROR(Set(flag.name, flag.value));
      continue;
    }
    if (depth >= kDeepestFlagfile) {
      return absl::InvalidArgumentError(
          absl::StrCat("--flagfile: expected files nested at most ", kDeepestFlagfile, " deep, got more"));
    }
    LOSSD_ASSIGN_OR_RETURN(const std::vector<std::string> nested, FlagfileArguments(flag.value));
    LOSSD_RETURN_IF_ERROR(ParseArguments(nested, depth + 1));
  }
  return absl::OkStatus();
}

absl::Status ParseVariable(absl::string_view flag, const Environment& environment) {
  const std::string variable = absl::StrCat("LOSSD_", absl::AsciiStrToUpper(flag));
  const auto value = environment(variable);
  if (!value.has_value()) return absl::OkStatus();
  const absl::Status status = ParseArguments({absl::StrCat("--", flag, "=", *value)}, 0);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(variable, ": ", status.message()));
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

absl::Status ParseFlags(const std::vector<std::string>& arguments, const Environment& environment) {
  LOSSD_RETURN_IF_ERROR(ParseVariable(kFlagfile, environment));
  for (const FlagGroup& group : FlagGroups()) {
    for (const std::string& flag : group.flags) LOSSD_RETURN_IF_ERROR(ParseVariable(flag, environment));
  }
  return ParseArguments(arguments, 0);
}

std::string HelpText() {
  std::string text =
      "lossd computes losses and their gradients as a gRPC service.\n\n"
      "usage: lossd [--flag=value ...] [--flagfile=PATH]\n\n"
      "Each flag can also be set in the environment, as LOSSD_<FLAG>; the command line wins, and a variable over\n"
      "LOSSD_FLAGFILE's file.\n"
      "Exit codes: 0 clean, 1 failed, 2 usage, 3 cannot bind, 4 no such device.\n";
  for (const FlagGroup& group : FlagGroups()) {
    absl::StrAppend(&text, "\n", group.title, "\n");
    for (const std::string& name : group.flags) {
      const absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
      absl::StrAppend(&text, "  --", name);
      if (!flag->IsOfType<bool>()) absl::StrAppend(&text, "=", flag->DefaultValue());
      absl::StrAppend(&text, "\n", Wrapped(flag->Help(), 6, kHelpColumns));
    }
  }
  return text;
}

}  // namespace lossd
