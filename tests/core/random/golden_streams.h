// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The recorded random streams of torch and numpy under tests/golden.

#ifndef LOSSD_TESTS_CORE_RANDOM_GOLDEN_STREAMS_H_
#define LOSSD_TESTS_CORE_RANDOM_GOLDEN_STREAMS_H_

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "nlohmann/json.hpp"

namespace lossd::testing {

// The content of tests/golden/rng_protocol/case.json.
inline nlohmann::json GoldenStreams() {
  const char* source = std::getenv("LOSSD_SOURCE_DIR");
  std::ifstream file(std::string(source == nullptr ? "." : source) + "/tests/golden/rng_protocol/case.json");
  return nlohmann::json::parse(file);
}

// The range n of a recorded call such as "torch.randint(0, 49, (16,))" or "np.random.randint(0, 5)".
inline uint32_t RangeOf(const std::string& call) {
  unsigned range = 0;
  return std::sscanf(call.substr(call.find('(')).c_str(), "(0, %u", &range) == 1 ? range : 0;
}

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_RANDOM_GOLDEN_STREAMS_H_
