// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/processor_model.h"

#include <cstddef>
#include <fstream>

#include "absl/strings/match.h"

namespace lossd {

std::string ProcessorModel() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    const size_t colon = line.find(": ");
    if (absl::StartsWith(line, "model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

}  // namespace lossd
