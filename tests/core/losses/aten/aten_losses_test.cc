// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/aten_losses.h"

#include <iostream>
#include <random>
#include <utility>
#include <variant>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/losses/aten/against_tiles.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::DrawRequestsOf;
using ::lossd::testing::ExpectAgreesWithTiles;
using ::lossd::testing::ExpectEqualBytesAloneAndBatched;
using ::lossd::testing::RandomRequest;
using ::lossd::testing::Redrawn;
using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

template <typename Config>
class AtenLossesTest : public ::testing::Test {};

template <typename... Config>
::testing::Types<Config...> TypesOf(const std::variant<Config...>&);
using Configs = decltype(TypesOf(std::declval<LossConfig>()));
TYPED_TEST_SUITE(AtenLossesTest, Configs);

TYPED_TEST(AtenLossesTest, AgreeWithTheTilesOnRandomRequests) {
  BufferPool pool(size_t{1} << 28);
  std::mt19937 random(1);
  double worst = 0;
  for (const RandomRequest& request : DrawRequestsOf<TypeParam>(60, random, pool)) {
    worst = std::max(worst, ExpectAgreesWithTiles(request, pool));
  }
  EXPECT_LE(worst, 1);
  this->RecordProperty("worst_share_of_what_is_allowed", std::to_string(worst));
}

TYPED_TEST(AtenLossesTest, EqualRequestsHaveEqualBytesAloneAndBatched) {
  BufferPool pool(size_t{1} << 28);
  std::mt19937 random(2);
  for (const RandomRequest& request : DrawRequestsOf<TypeParam>(25, random, pool)) {
    std::vector<RandomRequest> batch = {request};
    for (int i = 0; i < 4; ++i) batch.push_back(Redrawn(request, random, pool));
    ExpectEqualBytesAloneAndBatched(batch, pool);
  }
}

TEST(AtenLossesDeviceTest, DeviceThatIsNotThereIsNotFound) {
  EXPECT_THAT(MakeAtenLosses("cuda:977", {}), StatusIs(absl::StatusCode::kNotFound, HasSubstr("LibTorch")));
}

}  // namespace
}  // namespace lossd
