// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The command-line client as a function.

#ifndef LOSSD_CLIENT_CLI_LOSSCTL_H_
#define LOSSD_CLIENT_CLI_LOSSCTL_H_

#include <string>
#include <vector>

#include "client/cli/subcommand.h"

namespace lossd::cli {

// Runs lossctl with these arguments (without the program's name) and returns its exit code: kExitOk, kExitFailure (a
// call failed, or a check), kExitUsage, or kExitInterrupted. Errors go to streams.err, with the details that the server
// attached. Blocks until the command is done; one at a time in a process where signals matter (InterruptWatch).
int RunLossctl(std::vector<std::string> arguments, const Streams& streams);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_LOSSCTL_H_
