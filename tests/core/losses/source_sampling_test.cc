// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/source_sampling.h"

#include <set>
#include <string>
#include <vector>

#include "core/random/numpy_random_state.h"
#include "core/random/torch_generator.h"
#include "core/status/errors.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::absl::StatusCode;
using ::lossd::testing::StatusIs;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

constexpr char kPositions[] = "loss.feature_map_contrastive.sampling.positions";
constexpr char kSeed[] = "loss.feature_map_contrastive.sampling.seed";

SamplingSpace MakeSpace(const char* comparisons, int directions = 2) {
  SamplingSpace space;
  space.comparisons = *ParseComparisons(comparisons);
  space.directions = directions;
  space.images = 3;
  space.locations = {{{4, 9, 25}, {4, 16, 1, 49}}};
  return space;
}

SamplingSeed MakeSeed(std::optional<uint64_t> torch_seed, std::optional<uint64_t> numpy_seed = std::nullopt) {
  SamplingSeed seed;
  seed.torch_seed = torch_seed;
  seed.numpy_seed = numpy_seed;
  return seed;
}

struct Resolved {
  std::vector<int32_t> comparisons;
  std::vector<int32_t> positions;

  friend bool operator==(const Resolved&, const Resolved&) = default;
};

Resolved Resolve(const SamplingSpace& space, const Sampling& sampling) {
  Resolved resolved;
  resolved.comparisons.resize(2 * space.comparisons.size());
  resolved.positions.resize(space.comparisons.size() * static_cast<size_t>(space.directions * space.images));
  ResolveSampling(space, sampling, resolved.comparisons.data(), resolved.positions.data());
  return resolved;
}

TEST(SourceSamplingTest, DrawsPositionsOfEachDirectionInTheReferencesOrder) {
  const Resolved resolved = Resolve(MakeSpace("01, 13"), MakeSeed(7));
  TorchGenerator torch(7);
  std::vector<int32_t> expected;
  for (uint32_t locations : {4u, 4u, 9u, 16u}) {  // anchor.0, positive.0, anchor.1, positive.1
    for (int b = 0; b < 3; ++b) expected.push_back(static_cast<int32_t>(torch.RandInt(locations)));
  }
  EXPECT_THAT(resolved.positions, ElementsAreArray(expected));
  EXPECT_THAT(resolved.comparisons, ElementsAre(0, 1, 1, 3));
}

TEST(SourceSamplingTest, DrawsRandomIndicesWithNumpyAmongTheAnchors) {
  const Resolved resolved = Resolve(MakeSpace("rr, 0r, r1, 2:r"), MakeSeed(7, 11));
  NumpyRandomState numpy(11);
  std::vector<int32_t> draws;
  for (int i = 0; i < 5; ++i) draws.push_back(static_cast<int32_t>(numpy.RandInt(3)));
  EXPECT_THAT(resolved.comparisons, ElementsAre(draws[0], draws[1], 0, draws[2], draws[3], 1, 2, draws[4]));
}

TEST(SourceSamplingTest, ConsumesAWordForEveryPositionOfAOneByOneMap) {
  SamplingSpace space = MakeSpace("22, 11", 1);
  space.locations[kAnchor][2] = 1;
  TorchGenerator torch(1);
  for (int b = 0; b < 3; ++b) torch.RandInt(1);
  const Resolved resolved = Resolve(space, MakeSeed(1));
  EXPECT_THAT(absl::MakeSpan(resolved.positions).subspan(0, 3), Each(0));
  for (size_t b = 3; b < 6; ++b) EXPECT_EQ(resolved.positions[b], static_cast<int32_t>(torch.RandInt(9)));
}

TEST(SourceSamplingTest, SkipsWordsOfBothStreams) {
  SamplingSeed seed = MakeSeed(5, 6);
  seed.torch_skip = 1000;
  seed.numpy_skip = 3;
  const Resolved resolved = Resolve(MakeSpace("r0", 1), seed);
  TorchGenerator torch(5);
  torch.Skip(1000);
  NumpyRandomState numpy(6);
  numpy.Skip(3);
  const uint32_t index = numpy.RandInt(3);
  EXPECT_EQ(resolved.comparisons[0], static_cast<int32_t>(index));
  const uint32_t locations[] = {4, 9, 25};
  EXPECT_EQ(resolved.positions[0], static_cast<int32_t>(torch.RandInt(locations[index])));
}

TEST(SourceSamplingTest, LetsOneSeedStandForTheOther) {
  const SamplingSpace space = MakeSpace("rr, 01");
  EXPECT_EQ(Resolve(space, MakeSeed(9)), Resolve(space, MakeSeed(9, 9)));
  EXPECT_EQ(Resolve(space, MakeSeed(std::nullopt, 9)), Resolve(space, MakeSeed(9, 9)));
}

TEST(SourceSamplingTest, TakesTheLowBitsOfTorchSeeds) {
  const SamplingSpace space = MakeSpace("01");
  const uint64_t high = uint64_t{5} << 32;
  EXPECT_OK(CheckSampling(space, MakeSeed(high + 9)));
  EXPECT_EQ(Resolve(space, MakeSeed(high + 9)), Resolve(space, MakeSeed(9)));
}

TEST(SourceSamplingTest, SharesTheDrawsOfAMapsFirstUseAsASource) {
  SamplingSpace space = MakeSpace("01, 00, 13");
  space.share_source_samples = true;
  const std::vector<int32_t> positions = Resolve(space, MakeSeed(7)).positions;
  EXPECT_TRUE(std::equal(positions.begin(), positions.begin() + 6, positions.begin() + 6));
  TorchGenerator torch(7);
  torch.Skip(6);
  for (size_t b = 12; b < 15; ++b) EXPECT_EQ(positions[b], static_cast<int32_t>(torch.RandInt(9)));
}

TEST(SourceSamplingTest, DrawsFromEntropyWithoutASeed) {
  SamplingSpace space = MakeSpace("rr, 03, 13");
  space.images = 8;
  std::set<std::vector<int32_t>> seen;
  for (int i = 0; i < 4; ++i) {
    const Resolved resolved = Resolve(space, Sampling());
    seen.insert(resolved.positions);
    EXPECT_OK(CheckSampling(MakeSpace("00"), Sampling()));
  }
  EXPECT_EQ(seen.size(), 4u);
}

TEST(SourceSamplingTest, RepeatsExplicitPositions) {
  const ExplicitPositions given{{0, 1, 2, 3, 2, 1}};
  ASSERT_OK(CheckSampling(MakeSpace("01"), given));
  const Resolved resolved = Resolve(MakeSpace("01"), given);
  EXPECT_EQ(resolved.positions, given.values);
  EXPECT_THAT(resolved.comparisons, ElementsAre(0, 1));
}

TEST(CheckSamplingTest, RefusesPositionsThatDoNotFit) {
  const SamplingSpace space = MakeSpace("01, 10");
  const auto status = CheckSampling(space, ExplicitPositions{{1, 2, 3}});
  EXPECT_THAT(status, StatusIs(StatusCode::kInvalidArgument,
                               std::string(kPositions) + ".values: expected 12 values (2 comparisons x 2 directions x "
                                                         "3 images), got 3"));
  EXPECT_EQ(GetFieldViolation(status)->field, std::string(kPositions) + ".values");
  EXPECT_THAT(CheckSampling(space, ExplicitPositions{{0, 0, 4, 0, 0, 0, 8, 8, 8, 15, 15, 15}}),
              StatusIs(StatusCode::kInvalidArgument,
                       std::string(kPositions) + ".values[2]: expected 0 <= position < 4 of anchor.0, got 4"));
  EXPECT_THAT(CheckSampling(space, ExplicitPositions{{0, 0, 0, 0, 0, 0, 8, 8, 8, 15, 15, -1}}),
              StatusIs(StatusCode::kInvalidArgument,
                       std::string(kPositions) + ".values[11]: expected 0 <= position < 16 of positive.1, got -1"));
  EXPECT_OK(CheckSampling(space, ExplicitPositions{{0, 0, 3, 0, 0, 3, 8, 8, 8, 15, 15, 15}}));
}

TEST(CheckSamplingTest, RefusesPositionsBesideRandomIndices) {
  EXPECT_THAT(CheckSampling(MakeSpace("0r"), ExplicitPositions{{0, 0, 0, 0, 0, 0}}),
              StatusIs(StatusCode::kInvalidArgument,
                       std::string(kPositions) + ": expected a seed or nothing beside an r comparison, got positions"));
}

TEST(CheckSamplingTest, RefusesPositionsThatContradictSharing) {
  SamplingSpace space = MakeSpace("01, 02", 1);
  space.share_source_samples = true;
  EXPECT_OK(CheckSampling(space, ExplicitPositions{{0, 1, 2, 0, 1, 2}}));
  EXPECT_THAT(CheckSampling(space, ExplicitPositions{{0, 1, 2, 0, 3, 2}}),
              StatusIs(StatusCode::kInvalidArgument,
                       std::string(kPositions) + ".values[4]: expected 1 as in values[1], the same source under "
                                                 "share_source_samples, got 3"));
}

TEST(CheckSamplingTest, RefusesSeedsOutOfRange) {
  const SamplingSpace plain = MakeSpace("01");
  const uint64_t large = uint64_t{1} << 32;
  EXPECT_THAT(
      CheckSampling(plain, SamplingSeed()),
      StatusIs(StatusCode::kInvalidArgument, std::string(kSeed) + ": expected torch_seed or numpy_seed, got neither"));
  EXPECT_THAT(CheckSampling(plain, MakeSeed(1, large)),
              StatusIs(StatusCode::kInvalidArgument,
                       std::string(kSeed) + ".numpy_seed: expected a value below 2^32, got 4294967296"));
  EXPECT_THAT(
      CheckSampling(MakeSpace("r1"), MakeSeed(large)),
      StatusIs(StatusCode::kInvalidArgument,
               std::string(kSeed) + ".numpy_seed: expected a value below 2^32, got 4294967296 (of torch_seed)"));
  EXPECT_OK(CheckSampling(plain, MakeSeed(1, large - 1)));
  SamplingSeed seed = MakeSeed(1);
  seed.torch_skip = seed.numpy_skip = uint64_t{1} << 26;
  EXPECT_OK(CheckSampling(plain, seed));
  ++seed.torch_skip;
  EXPECT_THAT(CheckSampling(plain, seed),
              StatusIs(StatusCode::kInvalidArgument,
                       std::string(kSeed) + ".torch_skip: expected at most 2^26 words, got 67108865"));
  seed.torch_skip = 0;
  ++seed.numpy_skip;
  EXPECT_THAT(CheckSampling(plain, seed),
              StatusIs(StatusCode::kInvalidArgument,
                       std::string(kSeed) + ".numpy_skip: expected at most 2^26 words, got 67108865"));
}

}  // namespace
}  // namespace lossd
