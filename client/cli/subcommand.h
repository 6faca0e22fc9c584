// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What lossctl's subcommands have in common.

#ifndef LOSSD_CLIENT_CLI_SUBCOMMAND_H_
#define LOSSD_CLIENT_CLI_SUBCOMMAND_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/parser_types.h"

namespace lossd::cli {

// Exit codes.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;  // As a shell has it for SIGINT.

// Where a subcommand prints.
struct Streams {
  std::ostream& out;
  std::ostream& err;
  bool terminal = false;                       // Whether `err` is one: then progress is shown on it.
  std::vector<std::string> command_line = {};  // That is run; RunLossctl sets it.
};

// A subcommand, from its flags to its exit code.
class Subcommand {
 public:
  virtual ~Subcommand() = default;
  // Adds a parser with name, help and flags to `app`, and returns it. What the flags set lies in this, which must
  // outlive the parsing.
  virtual CLI::App* Declare(CLI::App& app) = 0;
  // Runs with the flags as parsed, once. Returns the exit code, or an error to print: a UsageError exits with
  // kExitUsage, any other with kExitFailure. Results go to streams.out, all else to streams.err.
  virtual absl::StatusOr<int> Run(const Streams& streams) = 0;
};

// Marks an error as the command line's fault.
absl::Status UsageError(absl::string_view text);
bool IsUsageError(const absl::Status& status);

// Marks an error as one of this machine, such as of its files: it is told without the name of its code.
absl::Status LocalError(absl::Status status);
bool IsLocalError(const absl::Status& status);

// ": " and what `code` means, an errno, or "" for 0, which a stream leaves where the system did not refuse.
std::string Reason(int code);

// For an argument that is no input: "; lists are separated by commas" where it looks like a part of a flag's list.
absl::string_view InputHint(absl::string_view argument);

// The content of the file that `flag` names, all of it. A UsageError naming flag, path and reason if it cannot be read.
absl::StatusOr<std::string> ReadFlagFile(absl::string_view flag, const std::string& path);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_SUBCOMMAND_H_
