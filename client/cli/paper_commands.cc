// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/paper_commands.h"

#include <CLI/App.hpp>

#include "client/cli/command_texts.h"
#include "client/cli/completions.h"
#include "client/cli/man_page.h"
#include "core/status/status_macros.h"

namespace lossd::cli {

CLI::App* CompletionCommand::Declare(CLI::App& app) {
  app_ = &app;
  CLI::App* const command = app.add_subcommand("completion",
                                               "Print the script that completes command lines in a shell.\n"
                                               "Example: source <(lossctl completion bash)");
  command->add_option("shell", shell_, "bash, zsh or fish")->required();
  return command;
}

absl::StatusOr<int> CompletionCommand::Run(const Streams& streams) {
  LOSSD_ASSIGN_OR_RETURN(const std::string script, CompletionScript(shell_, DescribeCommands(*app_)));
  streams.out << script;
  return kExitOk;
}

CLI::App* ManCommand::Declare(CLI::App& app) {
  app_ = &app;
  return app.add_subcommand("man", "Print the manual page.\nExample: lossctl man | man -l -");
}

absl::StatusOr<int> ManCommand::Run(const Streams& streams) {
  streams.out << ManPage(DescribeCommands(*app_));
  return kExitOk;
}

}  // namespace lossd::cli
