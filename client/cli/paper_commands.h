// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// `lossctl completion` and `lossctl man`: what packages install beside the program.

#ifndef LOSSD_CLIENT_CLI_PAPER_COMMANDS_H_
#define LOSSD_CLIENT_CLI_PAPER_COMMANDS_H_

#include <string>

#include "client/cli/subcommand.h"

namespace lossd::cli {

// Prints the script that completes command lines in a shell, as they are declared now. A usage error for a shell that
// has none. Talks to no server.
class CompletionCommand : public Subcommand {
 public:
  CLI::App* Declare(CLI::App& app) override;
  absl::StatusOr<int> Run(const Streams& streams) override;

 private:
  const CLI::App* app_ = nullptr;  // Not owned; the whole program's.
  std::string shell_;
};

// Prints the manual page.
class ManCommand : public Subcommand {
 public:
  CLI::App* Declare(CLI::App& app) override;
  absl::StatusOr<int> Run(const Streams& streams) override;

 private:
  const CLI::App* app_ = nullptr;  // Not owned; the whole program's.
};

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_PAPER_COMMANDS_H_
