// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// One flag of the command line: which setting it is, which values that takes, how it is written.

#ifndef LOSSD_SERVER_SETTINGS_FLAG_H_
#define LOSSD_SERVER_SETTINGS_FLAG_H_

#include <cstdint>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/settings/options.h"

namespace lossd {

// What the process is asked to do instead of serving, or that. Of several the first one here is done.
enum class Action { kHelp, kVersion, kValidateConfig, kHealthcheck, kServe };

// What a command line says, checked or not.
struct CommandLine {
  ServerOptions options;
  std::set<Action> actions;

  Action action() const { return actions.empty() ? Action::kServe : *actions.begin(); }
};

// Kinds of flags, by the member of ServerOptions that they set. A kind says how a value is written (SetFlag) and which
// values are in range (CheckFlag); what several flags must be together is ValidateOptions' to check.

struct AddressesFlag {  // host:port, separated by commas; empty ones are passed over.
  std::vector<std::string> ServerOptions::*member;
  bool unix_allowed;  // unix:/path, too.
};

struct TextFlag {
  std::string ServerOptions::*member;
  std::vector<std::string> choices = {};  // Empty: any text.
};

struct BytesFlag {  // 1048576 or 1MiB.
  int64_t ServerOptions::*member;
  int64_t least;
  int64_t most;
};

// An integer without a unit.
struct CountFlag {
  int64_t ServerOptions::*member;
  int64_t least;
  int64_t most;
};

struct NumberFlag {  // Above 0.
  double ServerOptions::*member;
};

struct DurationFlag {  // 10s, 1h30m; inf where `most` is.
  absl::Duration ServerOptions::*member;
  absl::Duration least;
  absl::Duration most;
  bool or_zero = false;  // Also below `least`.
};

struct ActionFlag {  // A switch.
  Action action;
};

// As flag_table.cc has it:
//
//    {"threads", CountFlag{&ServerOptions::threads, 0, 1024}, "Threads that compute. 0: ..."}
struct Flag {
  std::string name;
  std::variant<AddressesFlag, TextFlag, BytesFlag, CountFlag, NumberFlag, DurationFlag, ActionFlag> kind;
  std::string help;
};

// The value of a setting, for programs. Durations are texts.
using FlagValue = std::variant<std::vector<std::string>, std::string, int64_t, double>;

// Whether `flag` may stand without a value: --help, --nohelp.
bool IsSwitch(const Flag& flag);

// Sets what `flag` stands for to what `text` says, in place of what was there. INVALID_ARGUMENT, text "--flag: expected
// ..., got ...", if that cannot be read; whether it is in range is CheckFlag's. Addresses and texts are taken as they
// are.
absl::Status SetFlag(const Flag& flag, absl::string_view text, CommandLine& command_line);

// Whether the value in `options` is one that `flag` may have. INVALID_ARGUMENT as for SetFlag.
absl::Status CheckFlag(const Flag& flag, const ServerOptions& options);

// The value in `options`, as it can be written behind `--flag=`: SetFlag makes the same of it. "" for a switch.
std::string FlagText(const Flag& flag, const ServerOptions& options);

// The value in `options`. `flag` is no switch.
FlagValue ValueOf(const Flag& flag, const ServerOptions& options);

// INVALID_ARGUMENT: "--flag: expected ..., got ...".
absl::Status BadFlag(absl::string_view flag, absl::string_view expected, absl::string_view got);

}  // namespace lossd

#endif  // LOSSD_SERVER_SETTINGS_FLAG_H_
