// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Scripts by which shells complete command lines.

#ifndef LOSSD_CLIENT_CLI_COMPLETIONS_H_
#define LOSSD_CLIENT_CLI_COMPLETIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/command_texts.h"

namespace lossd::cli {

// The script for "bash", "zsh" or "fish" that completes the program's commands, their flags, and files. A usage error
// for another shell.
absl::StatusOr<std::string> CompletionScript(const std::string& shell, const std::vector<CommandText>& commands);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_COMPLETIONS_H_
