// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Writes seeds for the fuzz targets of the codec: `write_wire_seeds request|response DIRECTORY`.

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <random>
#include <string>

#include "tests/proto/wire/random_message.h"

namespace {

constexpr uint32_t kSeeds = 200;

}  // namespace

int main(int argc, char** argv) {
  const std::string kind = argc == 3 ? argv[1] : "";
  if (kind != "request" && kind != "response") {
    std::fprintf(stderr, "usage: write_wire_seeds request|response DIRECTORY\n");
    return 2;
  }
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    std::mt19937 random(seed);
    const std::string message =
        kind == "request" ? lossd::wire::RandomRequest(random) : lossd::wire::RandomResponse(random);
    std::ofstream file(std::string(argv[2]) + "/seed-" + std::to_string(seed), std::ios::binary);
    file << static_cast<char>(random()) << message;  // The first byte chooses the slices.
    if (!file.flush()) {
      std::fprintf(stderr, "%s: cannot write\n", argv[2]);
      return 1;
    }
  }
  return 0;
}
