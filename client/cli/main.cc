// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "client/cli/lossctl.h"

int main(int argc, char** argv) {
  // As in the server: Debian's Abseil otherwise keeps a graph of the order in which locks are taken, also gRPC's.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  if (fcntl(STDOUT_FILENO, F_GETFD) < 0) {  // Else its number would go to the next file or socket that is opened.
    std::cerr << "lossctl: standard output is closed\n";
    return lossd::cli::kExitFailure;
  }
  // What its log says of connections that fail, our errors say once. No other thread runs yet.
  setenv("GRPC_VERBOSITY", "NONE", 0);  // NOLINT(concurrency-mt-unsafe)
  const bool terminal = isatty(STDERR_FILENO) != 0;
  return lossd::cli::RunLossctl(std::vector<std::string>(argv + 1, argv + argc), {std::cout, std::cerr, terminal});
}
