// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Looks for the requests whose results are furthest from exact (climb.h), and expects the worst to stay within what
// docs/losses.md promises.

#include <iostream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/core/losses/numerics/climb.h"
#include "tests/core/losses/numerics/device_losses.h"
#include "tests/core/losses/numerics/search_cases.h"

namespace lossd::testing {
namespace {

class WorstCaseSearchTest : public ::testing::TestWithParam<size_t> {};

TEST_P(WorstCaseSearchTest, NothingIsWorseThanWhatIsAllowed) {
  const size_t loss = GetParam();
  const Climb climb([loss](const Genes& genes) { return ShareOnDevice(CaseOf(loss, genes)); });
  std::cout << climb.text() << TextOf(loss, climb.genes()) << "\n";
  // Of thousands, what docs/losses.md states: rows that are all alike are among them.
  EXPECT_LE(climb.worst(), climb.timed() ? 3 : 0.7);
}

std::vector<size_t> SearchedLosses() {
  std::vector<size_t> losses;
  for (size_t loss = 0; loss < kLossCount; ++loss) {
    if (loss != LossConfig(CpcConfig()).index()) losses.push_back(loss);  // cpc_search_test.cc
  }
  return losses;
}

INSTANTIATE_TEST_SUITE_P(Losses, WorstCaseSearchTest, ::testing::ValuesIn(SearchedLosses()),
                         [](const auto& loss) { return std::string(kLossNames[loss.param]); });

}  // namespace
}  // namespace lossd::testing
