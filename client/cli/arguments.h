// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The command line as people type it, in the form that the parser knows.

#ifndef LOSSD_CLIENT_CLI_ARGUMENTS_H_
#define LOSSD_CLIENT_CLI_ARGUMENTS_H_

#include <string>
#include <vector>

namespace lossd::cli {

// `arguments` with '-' for each '_' in names of flags (not in their values), and with the first of `commands` in front
// where flags stand before it: "--target T info" is "info --target T". "help" becomes a flag.
std::vector<std::string> Normalized(std::vector<std::string> arguments, const std::vector<std::string>& commands);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_ARGUMENTS_H_
