// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/random/numpy_random_state.h"

#include <cstdint>
#include <vector>

#include "gmock/gmock.h"
#include "tests/core/random/golden_streams.h"

namespace lossd {
namespace {

using ::testing::ElementsAre;

// What np.random.randint(0, n) gives for these n one after the other.
std::vector<uint32_t> DrawMixedRanges(uint32_t seed) {
  NumpyRandomState state(seed);
  std::vector<uint32_t> values;
  for (const uint32_t n :
       {1U, 2U, 3U, 7U, 1U, 1000U, 1U << 16, (1U << 16) + 1, 0x7fffffffU, 0x80000005U, 0xffffffffU}) {
    values.push_back(state.RandInt(n));
  }
  return values;
}

TEST(NumpyRandomStateTest, GivesTheRecordedStreams) {
  const nlohmann::json golden = testing::GoldenStreams();
  for (const nlohmann::json& sequence : golden["sequences"]) {
    NumpyRandomState state(sequence["seed"]);
    for (const nlohmann::json& record : sequence["numpy_randint_sequence"]) {
      EXPECT_EQ(state.RandInt(testing::RangeOf(record["call"])), record["result"].get<uint32_t>()) << record["call"];
    }
  }
}

TEST(NumpyRandomStateTest, FollowsNumpyOverAllRanges) {
  EXPECT_THAT(DrawMixedRanges(0), ElementsAre(0, 0, 1, 0, 0, 835, 21243, 41993, 530702035, 1650906866, 1879422756));
  EXPECT_THAT(DrawMixedRanges(5), ElementsAre(0, 1, 2, 5, 0, 998, 56438, 5520, 2059200585, 2097710088, 385778404));
  EXPECT_THAT(DrawMixedRanges(0xffffffffU),
              ElementsAre(0, 1, 2, 4, 0, 71, 14260, 65088, 1202606294, 77050329, 1217888032));
}

TEST(NumpyRandomStateTest, ARangeOfOneTakesNoWord) {
  NumpyRandomState with(3);
  NumpyRandomState without(3);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(with.RandInt(1), 0);
  EXPECT_EQ(with.RandInt(1U << 31), without.RandInt(1U << 31));
}

TEST(NumpyRandomStateTest, SkipsWords) {
  NumpyRandomState state(3);
  state.Skip(1U << 20);
  EXPECT_EQ(state.RandInt(1U << 31), 1221820391);
  EXPECT_EQ(state.RandInt(1U << 31), 1555014161);
}

}  // namespace
}  // namespace lossd
