// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "client/cli/lossctl.h"

int main(int argc, char** argv) {
  const bool terminal = isatty(STDERR_FILENO) != 0;
  return lossd::cli::RunLossctl(std::vector<std::string>(argv + 1, argv + argc), {std::cout, std::cerr, terminal});
}
