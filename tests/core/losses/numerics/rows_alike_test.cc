// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Rows that are all alike, or whose elements are all equal, pairs of equal 16-bit numbers, and means over two rows, on
// the device this program is linked for: what cannot be had at a bearable price, because no mean lessens roundings that
// are the same in every row, or that there are two of. The factors that docs/losses.md states ("How exact") are held
// here.

#include <algorithm>
#include <cmath>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/core/losses/numerics/device_losses.h"
#include "tests/support/feature_map_cases.h"

namespace lossd::testing {
namespace {

// Of what is allowed: the most that searches found, of FLOAT32 and of FLOAT64.
constexpr double kStatedFactor = 1.8;
constexpr double kStatedFactorOfDoubles = 3;
constexpr double kStatedFactorOfOnePair = 2.5;

class Levels {
 public:
  Levels(uint64_t seed, double mean, DType dtype) : random_(seed), normal_(mean, 0.3), dtype_(dtype) {}

  // Maps [images, channels, 1, 1] or rows [images, channels].
  TestInput Make(std::string name, Shape shape) {
    TestInput input{std::move(name), shape, std::vector<double>(static_cast<size_t>(ElementCount(shape))), dtype_};
    for (int64_t r = 0; r < shape[0]; ++r) {
      std::fill_n(input.values.begin() + r * shape[1], shape[1], normal_(random_));
    }
    return input;
  }

 private:
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  DType dtype_;
};

double WorstOf(const LossConfig& config, const std::vector<std::string>& names, DType dtype) {
  double worst = 0;
  for (const double mean : {1.0, 5.0, 100.0}) {
    for (const int64_t rows : {4, 40, 96}) {
      for (const int64_t width : {31, 64, 100, 256, 512}) {
        Levels levels(static_cast<uint64_t>(rows + width), mean, dtype);
        TestCase test_case;
        test_case.request.loss = config;
        const bool maps = std::holds_alternative<FeatureMapContrastiveConfig>(config);
        for (const std::string& name : names) {
          test_case.inputs.push_back(levels.Make(name, maps ? Shape{rows, width, 1, 1} : Shape{rows, width}));
        }
        if (std::holds_alternative<SupConConfig>(config)) {
          TestInput& labels = test_case.inputs.emplace_back(TestInput{"labels", {rows}, {}, DType::kInt64});
          for (int64_t i = 0; i < rows; ++i) labels.values.push_back(static_cast<double>(i % 2));
        }
        worst = std::max(worst, ShareOnDevice(test_case));
      }
    }
  }
  return worst;
}

TEST(RowsAlikeTest, StayWithinTheStatedFactor) {
  FeatureMapContrastiveConfig maps = {.comparisons = "00", .regularizer_weight = 0};
  maps.sampling = SamplingSeed{7, std::nullopt, 0, 0};
  FeatureMapContrastiveConfig bare = maps;
  bare.tclip = HUGE_VAL;
  const std::pair<LossConfig, std::vector<std::string>> cases[] = {
      {maps, {"anchor.0", "positive.0"}},
      {bare, {"anchor.0", "positive.0"}},
      {NtXentConfig{}, {"out_1", "out_2"}},
      {InfoNceConfig{.normalize = false}, {"query", "key"}},
      {InfoNceConfig{.normalize = false, .symmetric = true}, {"query", "key"}},
      {ClipConfig{}, {"image", "text"}},
      {SigLipConfig{}, {"image", "text"}},
      {DclConfig{.normalize = false}, {"out_1", "out_2"}},
      {SupConConfig{.temperature = 2, .normalize = false}, {"features"}},
  };
  for (const auto& [config, names] : cases) {
    for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
      const double worst = WorstOf(config, names, dtype);
      const std::string text = absl::StrCat(kLossNames[config.index()], " in ", DTypeName(dtype));
      std::cout << text << ": " << worst << "\n";
      EXPECT_LE(worst, dtype == DType::kFloat32 ? kStatedFactor : kStatedFactorOfDoubles) << text;
    }
  }
}

// Squares of numbers of few bits: of an odd one an eighth of the last bits is left, which a sum rounds down.
TEST(RowsAlikeTest, PairsOfEqualHalvesStayWithinTwice) {
  double worst = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal(2.4, 0.35);
    TestCase test_case;
    test_case.request.loss = ClipConfig{.logit_scale = 1.5};
    std::vector<double> values(65 * 64);
    for (double& value : values) value = normal(random);
    values = RoundedThrough(DType::kFloat16, values);
    test_case.inputs = {{"image", {65, 64}, values, DType::kFloat16}, {"text", {65, 64}, values, DType::kFloat16}};
    worst = std::max(worst, ShareOnDevice(test_case));
  }
  std::cout << "pairs of equal halves: " << worst << "\n";
  EXPECT_LE(worst, 2);
}

// Which rows have a positive is known of payloads alone, when it is decided what is computed in float64.
TEST(RowsAlikeTest, OnePairAmongManyRowsStaysWithinTheStatedFactor) {
  double worst = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    TestCase test_case;
    test_case.request.loss = SupConConfig{.temperature = 0.00137};
    TestInput features{"features", {130, 16}, {}, DType::kFloat32};
    for (int i = 0; i < 130 * 16; ++i) features.values.push_back(std::abs(normal(random)) + 1.07);
    TestInput labels{"labels", {130}, {}, DType::kInt64};
    for (int i = 0; i < 130; ++i) labels.values.push_back(i % 129);
    test_case.inputs = {features, labels};
    worst = std::max(worst, ShareOnDevice(test_case));
  }
  std::cout << "one pair among many rows: " << worst << "\n";
  EXPECT_LE(worst, kStatedFactorOfOnePair);
}

// So few scores that no mean hides a rounding, of less channels than are computed in float64.
TEST(RowsAlikeTest, PairsOfImagesStayWithinTheStatedFactor) {
  double worst = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    MapMaker maker{std::mt19937_64(seed)};
    maker.mean = 3.4;
    maker.deviation = 0.1;
    TestCase test_case = MakePlainCase(maker, {2, 16, 1, 1});
    ConfigOf(test_case).tclip = 314;
    ConfigOf(test_case).regularizer_weight = 0;
    worst = std::max(worst, ShareOnDevice(test_case));
  }
  std::cout << "pairs of images: " << worst << "\n";
  EXPECT_LE(worst, kStatedFactor);
}

}  // namespace
}  // namespace lossd::testing
