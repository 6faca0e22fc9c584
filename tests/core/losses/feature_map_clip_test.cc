// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Feature maps under clips of any size.

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/core/losses/map_accuracy.h"
#include "tests/support/feature_map_cases.h"

namespace lossd {
namespace {

using ::lossd::testing::ConfigOf;
using ::lossd::testing::ExpectAccurate;
using ::lossd::testing::MakePlainCase;
using ::lossd::testing::MapMaker;
using ::lossd::testing::RunAlone;
using ::lossd::testing::TestCase;
using ::lossd::testing::TestInput;
using ::lossd::testing::TestResult;
using ::testing::Each;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Scores whose last places are worth more than what an exponential can hold.
TEST(FeatureMapClipTest, TakesLargeScoresUnderLargeClips) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
    for (double tclip : {41.0, 1e10, 1e12, 1e30, 1e38, kInfinity}) {
      for (uint64_t seed = 0; seed < 8; ++seed) {
        SCOPED_TRACE(absl::StrCat(DTypeName(dtype), " tclip ", tclip, " seed ", seed));
        MapMaker maker{std::mt19937_64(seed)};
        maker.deviation = dtype == DType::kFloat32 ? 3e4 : 1e9;
        TestCase test_case = MakePlainCase(maker, {4, 8, 1, 2});
        for (TestInput& input : test_case.inputs) input.dtype = dtype;
        ConfigOf(test_case).tclip = tclip;
        ExpectAccurate(test_case);
      }
    }
  }
}

TEST(FeatureMapClipTest, ZeroScoresAreZeroUnderAnyClip) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
    for (double tclip : {1e-320, 1e-310, 1e-60, 1e-45, 1e-39, 1e300}) {
      SCOPED_TRACE(absl::StrCat(DTypeName(dtype), " tclip ", tclip));
      MapMaker maker{std::mt19937_64(1)};
      TestCase test_case = MakePlainCase(maker, {4, 8, 1, 2});
      for (TestInput& input : test_case.inputs) {
        input.dtype = dtype;
        std::fill(input.values.begin(), input.values.end(), 0.0);
      }
      ConfigOf(test_case).tclip = tclip;
      ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeFeatureMapContrastive(), test_case));
      EXPECT_NEAR(result.output("losses")[0], std::log(7), 1e-6);
      EXPECT_THAT(result.gradient(0), Each(0.0));
    }
  }
}

TEST(FeatureMapClipTest, TakesEveryClip) {
  for (double deviation : {0.1, 1.0, 5.0}) {
    MapMaker maker{std::mt19937_64(5)};
    maker.deviation = deviation;
    for (double tclip : {0.5, 5.0, 20.0, 40.0, 40.5, 100.0, 1e6, kInfinity, -10.0, -kInfinity}) {
      SCOPED_TRACE(absl::StrCat("deviation ", deviation, " tclip ", tclip));
      TestCase test_case = MakePlainCase(maker, {11, 64, 3, 3});
      ConfigOf(test_case).tclip = tclip;
      ExpectAccurate(test_case);
    }
  }
}

// Few scores of many terms of one sign: no mean hides what roundings add up to.
TEST(FeatureMapClipTest, StaysAccurateWhereFewScoresHaveManyTermsOfOneSign) {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    for (const double tclip : {10.0, HUGE_VAL}) {
      MapMaker maker{std::mt19937_64(seed)};
      maker.mean = 1.5;
      maker.relu = true;
      TestCase test_case = MakePlainCase(maker, {2, 256, 1, 1});
      ConfigOf(test_case).tclip = tclip;
      EXPECT_LE(ExpectAccurate(test_case), 0.7) << seed << " " << tclip;
    }
  }
}

TEST(FeatureMapClipTest, TermsOfWeightZeroAreNoPartOfTheObjective) {
  MapMaker maker{std::mt19937_64(1)};
  TestCase test_case = MakePlainCase(maker, {3, 4, 2, 2});
  for (TestInput& input : test_case.inputs) {
    for (double& value : input.values) value *= 1e15;  // Squares of scores leave the range of float.
  }
  for (double* weight : {&ConfigOf(test_case).regularizer_weight, &ConfigOf(test_case).regularizer_scale}) {
    const double before = std::exchange(*weight, 0.0);
    ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeFeatureMapContrastive(), test_case));
    EXPECT_TRUE(std::isfinite(result.objective));
    *weight = before;
  }
}

}  // namespace
}  // namespace lossd
