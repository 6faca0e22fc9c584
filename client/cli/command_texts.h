// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a parser knows of its commands and flags, as plain texts: for the man page and the completions.

#ifndef LOSSD_CLIENT_CLI_COMMAND_TEXTS_H_
#define LOSSD_CLIENT_CLI_COMMAND_TEXTS_H_

#include <string>
#include <vector>

#include "client/cli/parser_types.h"

namespace lossd::cli {

// A flag. `value`: what stands behind it, such as "TEXT"; empty: nothing does. `fallback`: its default, where there is
// one.
struct FlagText {
  std::vector<std::string> names;
  std::string value, description, group, fallback;
};

// A command, or the program itself. `operands`: what it takes without a flag; empty: nothing.
struct CommandText {
  std::string name, description, footer, operands;
  std::vector<FlagText> flags;
};

// The program, then its commands in their order.
std::vector<CommandText> DescribeCommands(const CLI::App& app);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_COMMAND_TEXTS_H_
