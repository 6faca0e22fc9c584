// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/comparison.h"

#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/golden/fake_client.h"
#include "tests/support/status_matchers.h"

namespace lossd::cli {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kDiffers = absl::StatusCode::kOutOfRange;

TEST(CompareElementsTest, AllowsExactlyTheTolerance) {
  EXPECT_OK(CompareElements("x", {1.25, -1.25}, {1, -1}, {0.125, 0.125}));
  EXPECT_THAT(CompareElements("x", {1, 1.2500001}, {1, 1}, {0.125, 0.125}),
              StatusIs(kDiffers, "x[1]: expected 1 within 0.25, got 1.2500001 (1 of 2 elements differ)"));
  EXPECT_OK(CompareElements("x", {}, {}, {}));
  EXPECT_THAT(CompareElements("x", {1}, {1, 2}, {}), StatusIs(kDiffers, "x: expected 2 elements, got 1"));
}

TEST(CompareElementsTest, NanEqualsNanAndInfinityItself) {
  EXPECT_OK(CompareElements("x", {NAN, INFINITY, -INFINITY}, {NAN, INFINITY, -INFINITY}, {1, 1}));
  EXPECT_THAT(CompareElements("x", {INFINITY}, {-INFINITY}, {1, 1}), StatusIs(kDiffers));
  EXPECT_THAT(CompareElements("x", {1}, {NAN}, {1, 1}), StatusIs(kDiffers, HasSubstr("expected nan, got 1")));
  EXPECT_THAT(CompareElements("x", {NAN}, {1}, {1, 1}), StatusIs(kDiffers, HasSubstr("got nan")));
  EXPECT_THAT(CompareElements("x", {1e308}, {INFINITY}, {1, 1}), StatusIs(kDiffers));
}

TEST(AdviceOfTest, IsExactWhereThereIsNone) {
  EXPECT_EQ(AdviceOf(nlohmann::json::object()).atol, 0);
  const auto json = nlohmann::json::parse(R"({"fp64_check": {"advice": {"rtol": 0.5, "atol": 0.25}}})");
  EXPECT_EQ(AdviceOf(json).rtol, 0.5);
  EXPECT_EQ(AdviceOf(json).atol, 0.25);
}

TEST(CompareDigestTest, SeesChangesAndPermutations) {
  // projection = -0.5 * 1 + (2654435761 / 2^32 - 0.5) * 2
  const auto digest = nlohmann::json::parse(R"({"numel": 2, "sum": 3, "abs_sum": 3, "l2": 2.23606797749979,
      "max_abs": 2, "projection": -0.26393202250021025,
      "advice_atol": {"sum": 1e-9, "abs_sum": 1e-9, "l2": 1e-9, "max_abs": 1e-9, "projection": 1e-8}})");
  EXPECT_OK(CompareDigest("x", {1, 2}, digest));
  EXPECT_THAT(CompareDigest("x", {2, 1}, digest), StatusIs(kDiffers, HasSubstr("x.projection")));
  EXPECT_THAT(CompareDigest("x", {1, 2, 0}, digest), StatusIs(kDiffers, HasSubstr("x.numel")));
  EXPECT_THAT(CompareDigest("x", {1, -2}, digest), StatusIs(kDiffers, HasSubstr("x.sum")));
}

TEST(StridedSampleTest, WrapsAround) { EXPECT_THAT(StridedSample({0, 1, 2, 3, 4}, 3, 4), ElementsAre(0, 3, 1, 4)); }

TEST(CompareBitsTest, TellsZerosApart) {
  const float zero = 0, minus_zero = -0.0f;
  client::ComputeResponse one, other;
  one.gradients.push_back(MakeResult({"z", DType::kFloat32, {1}}, &zero));
  other.gradients.push_back(MakeResult({"z", DType::kFloat32, {1}}, &zero));
  EXPECT_OK(CompareBits("seeded", one, other));
  other.gradients[0] = MakeResult({"z", DType::kFloat32, {1}}, &minus_zero);
  EXPECT_THAT(CompareBits("seeded", one, other), StatusIs(kDiffers, "seeded: other bits in z"));
  other.gradients.clear();
  EXPECT_THAT(CompareBits("seeded", one, other), StatusIs(kDiffers, HasSubstr("expected 0 tensors, got 1")));
  other.objective = 1;
  EXPECT_THAT(CompareBits("seeded", one, other), StatusIs(kDiffers, HasSubstr("expected the objective 1")));
}

TEST(ExpectFiniteTest, NamesWhatIsNot) {
  client::ComputeResponse response;
  EXPECT_OK(ExpectFinite(response));
  response.nonfinite = {"z"};
  EXPECT_THAT(ExpectFinite(response), StatusIs(kDiffers, HasSubstr("not finite: z")));
}

}  // namespace
}  // namespace lossd::cli
