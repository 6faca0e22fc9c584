// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/feature_map_call.h"

#include <variant>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/golden/fake_client.h"
#include "tests/support/status_matchers.h"

namespace lossd::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

const client::FeatureMapContrastive& LossOf(const client::ComputeRequest& request) {
  return std::get<client::FeatureMapContrastive>(request.loss);
}

TEST(FeatureMapCallsTest, TurnsTheDocumentationsExampleIntoRequests) {
  ASSERT_OK_AND_ASSIGN(const auto calls, FeatureMapCalls(StoredCase("fm_doc_example")));
  ASSERT_THAT(calls, SizeIs(1));
  const client::ComputeRequest explicit_request = ExplicitRequest(calls[0], calls[0].maps);
  ASSERT_THAT(explicit_request.inputs, SizeIs(4));
  EXPECT_EQ(explicit_request.inputs[2].spec.name, "positive.0");
  EXPECT_EQ(LossOf(explicit_request).comparisons, "01, 11");
  EXPECT_THAT(std::get<client::Positions>(LossOf(explicit_request).sampling).values,
              ElementsAre(0, 1, 2, 1, 1, 3, 1, 0, 0, 0, 3, 3));
  // Its inputs were drawn from the same stream, a word an element.
  const client::ComputeRequest seeded = SeededRequest(calls[0]);
  EXPECT_EQ(std::get<client::Seed>(LossOf(seeded).sampling).torch_seed, 0u);
  EXPECT_EQ(std::get<client::Seed>(LossOf(seeded).sampling).torch_skip, 240u);
}

TEST(FeatureMapCallsTest, ResolvesRandomMapsForExplicitPositions) {
  ASSERT_OK_AND_ASSIGN(const auto calls, FeatureMapCalls(StoredCase("fm_0r_r1_2maps")));
  EXPECT_EQ(LossOf(ExplicitRequest(calls[0], calls[0].maps)).comparisons, "0:0, 1:1");
  EXPECT_EQ(LossOf(SeededRequest(calls[0])).comparisons, "0r, r1");
  EXPECT_EQ(std::get<client::Seed>(LossOf(SeededRequest(calls[0])).sampling).torch_seed, 105u);
}

TEST(FeatureMapCallsTest, CountsTheWordsOfCallsInARow) {
  ASSERT_OK_AND_ASSIGN(const auto calls, FeatureMapCalls(StoredCase("fm_quirk_mask_cache")));
  ASSERT_THAT(calls, SizeIs(4));
  EXPECT_EQ(calls[0].seed->torch_skip, 0u);
  EXPECT_EQ(calls[1].seed->torch_skip, 3u);
  EXPECT_FALSE(calls[1].positions.has_value());
  EXPECT_TRUE(calls[1].expected.is_null());
  EXPECT_EQ(calls[3].seed->torch_skip, 6u);
  EXPECT_THAT(calls[3].maps[1].spec().shape, ElementsAre(3, 6, 7, 7));
}

TEST(FeatureMapCallsTest, HasTheSameValuesInSixteenBits) {
  ASSERT_OK_AND_ASSIGN(const auto calls, FeatureMapCalls(StoredCase("fm_bf16_roundtrip")));
  ASSERT_THAT(calls[0].narrow_maps, SizeIs(4));
  EXPECT_EQ(calls[0].narrow_maps[0].spec().dtype, DType::kBFloat16);
}

TEST(AnyRequestTest, FallsBackToTheSeedWhereNotAllWasDrawn) {
  ASSERT_OK_AND_ASSIGN(const auto calls, FeatureMapCalls(StoredCase("fm_err_01_02_three_maps")));
  EXPECT_TRUE(std::holds_alternative<client::Seed>(LossOf(AnyRequest(calls[0])).sampling));
  EXPECT_THAT(calls[0].pairs, ElementsAre(0, 1, 0, 2));
}

TEST(MapNameTest, FollowsTheWire) {
  EXPECT_EQ(MapName("a0"), "anchor.0");
  EXPECT_EQ(MapName("b12"), "positive.12");
}

}  // namespace
}  // namespace lossd::cli
