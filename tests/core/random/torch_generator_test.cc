// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/random/torch_generator.h"

#include <array>
#include <cstdint>
#include <string>

#include "gmock/gmock.h"
#include "tests/core/random/golden_streams.h"

namespace lossd {
namespace {

using ::testing::ElementsAre;

void ExpectRecorded(TorchGenerator& generator, const nlohmann::json& record) {
  const uint32_t range = testing::RangeOf(record["call"]);
  for (const uint32_t expected : record["result"]) {
    ASSERT_EQ(generator.RandInt(range), expected) << record["call"];
  }
}

TEST(TorchGeneratorTest, RandIntGivesTheRecordedStreams) {
  const nlohmann::json golden = testing::GoldenStreams();
  for (const nlohmann::json& sequence : golden["sequences"]) {
    TorchGenerator generator(sequence["seed"]);
    for (const nlohmann::json& record : sequence["torch_randint_sequence"]) ExpectRecorded(generator, record);
  }
  TorchGenerator generator(golden["long_sequence"]["seed"]);
  ExpectRecorded(generator, golden["long_sequence"]);
}

TEST(TorchGeneratorTest, RandGivesTheRecordedNumbers) {
  const nlohmann::json golden = testing::GoldenStreams();
  for (const nlohmann::json& sequence : golden["sequences"]) {
    TorchGenerator generator(sequence["seed"]);
    for (const std::string expected : sequence["torch_rand_8"]) EXPECT_EQ(generator.Rand(), std::stof(expected));
  }
}

// What torch 1.13 gives after torch.manual_seed(seed) for torch.randint(0, 1000003, (4,)), then
// torch.empty(3).uniform_(-0.3, 0.3), torch.randint(0, 1, (2,)) and torch.rand(2).
struct Recorded {
  uint64_t seed;
  std::array<uint32_t, 4> integers;
  std::array<float, 3> uniform;
  std::array<float, 2> rand;
};
constexpr Recorded kRecorded[] = {
    {0,
     {128973, 240601, 705720, 82882},
     {-0x1.d94718p-4F, 0x1.498304p-4F, -0x1.858b02p-8F},
     {0x1.43bda6p-1F, 0x1.654454p-2F}},
    {(uint64_t{1} << 32) + 5,
     {450552, 996106, 755550, 515175},
     {0x1.021c90p-2F, -0x1.d710fep-3F, -0x1.9c654ep-3F},
     {0x1.fd05c8p-1F, 0x1.367dcep-1F}},
    {(uint64_t{1} << 40) + 123,
     {303409, 110603, 955418, 263090},
     {-0x1.05c058p-2F, 0x1.c261d8p-3F, -0x1.be9218p-3F},
     {0x1.73f0d4p-1F, 0x1.42d1ecp-2F}},
    {(uint64_t{1} << 63) + 7,
     {740634, 410964, 715674, 971179},
     {-0x1.4861f2p-3F, -0x1.705694p-5F, -0x1.67eec6p-3F},
     {0x1.b3d972p-1F, 0x1.b5bb1cp-1F}},
};

TEST(TorchGeneratorTest, MixedDrawsFollowTorchAlsoForSeedsAbove32Bits) {
  for (const Recorded& recorded : kRecorded) {
    TorchGenerator generator(recorded.seed);
    for (const uint32_t expected : recorded.integers) EXPECT_EQ(generator.RandInt(1000003), expected);
    for (const float expected : recorded.uniform) EXPECT_EQ(generator.Uniform(-0.3F, 0.3F), expected);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(generator.RandInt(1), 0);
    for (const float expected : recorded.rand) EXPECT_EQ(generator.Rand(), expected);
  }
}

TEST(TorchGeneratorTest, SkipsAsManyWordsAsTorchWouldDraw) {
  constexpr uint32_t kRange = 0x7fffffff;
  TorchGenerator generator(9);
  generator.Skip(1000000);
  const std::array<uint32_t, 3> million = {generator.RandInt(kRange), generator.RandInt(kRange),
                                           generator.RandInt(kRange)};
  EXPECT_THAT(million, ElementsAre(1862503640, 1976084588, 1268705453));
  generator.Skip((uint64_t{1} << 26) - 1000003);
  const std::array<uint32_t, 3> last = {generator.RandInt(kRange), generator.RandInt(kRange),
                                        generator.RandInt(kRange)};
  EXPECT_THAT(last, ElementsAre(687397795, 1399306203, 614489291));
}

}  // namespace
}  // namespace lossd
