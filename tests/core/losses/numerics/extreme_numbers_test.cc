// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Inputs and configurations at the ends of what numbers can be, on the device this program is linked for.

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/losses/numerics/device_losses.h"
#include "tests/support/feature_map_cases.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

using ::testing::Each;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TestResult RunOnDevice(const TestCase& test_case) {
  auto result = RunAlone(DeviceLosses().For(test_case.request.loss), test_case);
  EXPECT_OK(result);
  return result.ok() ? *std::move(result) : TestResult();
}

bool AllFinite(const TestResult& result) {
  bool finite = std::isfinite(result.objective);
  for (size_t i = 0; i < result.gradients.size(); ++i) {
    for (const double g : result.gradient(i)) finite &= std::isfinite(g);
  }
  return finite;
}

// Maps of one location, whose values are given image by image.
TestCase MapsOf(std::vector<double> anchors, std::vector<double> positives, int64_t channels, double tclip) {
  const int64_t images = static_cast<int64_t>(anchors.size()) / channels;
  TestCase test_case = MakeCase("00", {{"anchor.0", {images, channels, 1, 1}, std::move(anchors)},
                                       {"positive.0", {images, channels, 1, 1}, std::move(positives)}});
  ConfigOf(test_case).tclip = tclip;
  return test_case;
}

TestCase ViewsOf(LossConfig config, int64_t rows, int64_t width, double value) {
  TestCase test_case;
  test_case.request.loss = std::move(config);
  const std::vector<double> values(static_cast<size_t>(rows * width), value);
  test_case.inputs = {{"out_1", {rows, width}, values}, {"out_2", {rows, width}, values}};
  return test_case;
}

// Squares that no float holds, of scores that one does.
TEST(ExtremeNumbersTest, RegularizerOfLargeScoresIsANumber) {
  for (const double size : {1e10, 1e12, 1e18}) {
    for (const int64_t side : {1, 5}) {
      MapMaker maker{std::mt19937_64(1)};
      maker.deviation = size;
      TestCase test_case = MakePlainCase(maker, {20, 3, side, side});
      // The gradients of the largest are no floats.
      if (size > 1e12) test_case.request.gradients.mode = GradientSelection::Mode::kNone;
      EXPECT_LE(ShareOnDevice(test_case), 1) << size;
    }
  }
}

TEST(ExtremeNumbersTest, TermOfWeightZeroIsNeverFormed) {
  for (const double size : {1e15, 1e21}) {
    for (const bool weight : {false, true}) {
      // Scores of one sign: an infinity, not a NaN, where a float holds them no longer.
      MapMaker maker{std::mt19937_64(2)};
      maker.mean = 5;
      TestCase test_case = MakePlainCase(maker, {20, 3, 2, 2});
      for (TestInput& input : test_case.inputs) {
        for (double& value : input.values) value = std::abs(value) * size;
      }
      (weight ? ConfigOf(test_case).regularizer_weight : ConfigOf(test_case).regularizer_scale) = 0;
      const TestResult result = RunOnDevice(test_case);
      EXPECT_TRUE(AllFinite(result)) << size;
      EXPECT_NEAR(result.objective, std::log(20 * 4 - 4 + 1), 1e-5);
      EXPECT_THAT(result.gradient(0), Each(0.0));
      if (!weight) {
        EXPECT_EQ(result.output("regularizer")[0], 0);
      }
    }
  }
}

TEST(ExtremeNumbersTest, TemperaturesCountAsTheyAreWhereRowsAreLarge) {
  for (const int64_t rows : {2, 40}) {
    for (const double temperature : {1e36, 1e38, 1e40, 1e44}) {
      TestCase test_case = ViewsOf(NtXentConfig{.temperature = temperature}, rows, 4, 0.5e20);
      EXPECT_NEAR(RunOnDevice(test_case).objective, std::log(2 * static_cast<double>(rows) - 1), 1e-6);
      test_case.inputs[1].values[0] = -test_case.inputs[1].values[0];
      EXPECT_LE(ShareOnDevice(test_case), 1) << rows << " rows at " << temperature;
    }
  }
}

TEST(ExtremeNumbersTest, ZeroScoresAreZeroUnderAnyClip) {
  for (const double tclip : {1e39, 1e300, 1e-39, 1e-50, 1e-310}) {
    for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
      TestCase test_case = MapsOf(std::vector<double>(40, 0.0), std::vector<double>(40, 0.0), 2, tclip);
      for (TestInput& input : test_case.inputs) input.dtype = dtype;
      const TestResult result = RunOnDevice(test_case);
      EXPECT_NEAR(result.objective, std::log(20), 1e-5) << tclip;
      EXPECT_THAT(result.gradient(0), Each(0.0)) << tclip;
    }
  }
}

TEST(ExtremeNumbersTest, ClipsThatNoFloatHoldsClipNothing) {
  for (const double tclip : {1e39, 1e300}) {
    MapMaker maker{std::mt19937_64(3)};
    TestCase test_case = MakePlainCase(maker, {20, 3, 2, 2});
    ConfigOf(test_case).tclip = tclip;
    EXPECT_LE(ShareOnDevice(test_case), 1);
  }
}

// A positive so far ahead that exponentials end: its gradient is small, not that of another distance.
TEST(ExtremeNumbersTest, PositivesMayBeFarAhead) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
    for (const double tclip : {200.0, 5000.0, kInfinity}) {
      for (const double distance : {79.0, 81.0, 85.0, 86.5, 300.0, 695.0, 703.0, 707.0}) {
        std::vector<double> anchors(40, 0.0);
        std::vector<double> positives(40, 0.0);
        for (size_t b = 0; b < 20; ++b) {
          anchors[2 * b] = std::sqrt(2);
          positives[2 * b] = b == 0 ? 1 : 0.5 + 0.01 * static_cast<double>(b);
        }
        anchors[0] *= distance;
        anchors[1] = 1;
        TestCase test_case = MapsOf(anchors, positives, 2, tclip);
        for (TestInput& input : test_case.inputs) input.dtype = dtype;
        ConfigOf(test_case).regularizer_weight = 0;
        ConfigOf(test_case).bidirectional = false;
        EXPECT_LE(ShareOnDevice(test_case), 1) << DTypeName(dtype) << " tclip " << tclip << " " << distance;
      }
    }
  }
}

TEST(ExtremeNumbersTest, TinyGradientsOfPositivesFarAheadAreRight) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
    const double distance = dtype == DType::kFloat32 ? 85 : 705;
    TestCase test_case = MapsOf({1, 1}, {distance, 0}, 1, 1e4);
    test_case.inputs[0].values = std::vector<double>(20, 1.0);
    test_case.inputs[1].values = std::vector<double>(20, 0.0);
    test_case.inputs[1].values[0] = distance;
    for (TestInput& input : test_case.inputs) {
      input.shape[0] = 20;
      input.dtype = dtype;
    }
    ConfigOf(test_case).regularizer_weight = 0;
    ConfigOf(test_case).bidirectional = false;
    test_case.inputs[0].values[0] = 1;
    for (size_t b = 1; b < 20; ++b) test_case.inputs[0].values[b] = 0;
    // Row 0 alone has scores; the others' are equal.
    const TestResult result = RunOnDevice(test_case);
    const double slope = std::pow(1 / std::cosh(distance / 1e4), 2);
    const double clipped = 1e4 * std::tanh(distance / 1e4);
    const double expected = -19 * std::exp(-clipped) / 20 * slope;
    EXPECT_NEAR(result.gradient(1)[0] / expected, 1, dtype == DType::kFloat32 ? 3e-5 : 1e-11) << DTypeName(dtype);
  }
}

TEST(ExtremeNumbersTest, SaturatedScoresHaveNoSlope) {
  for (const double tclip : {10.0, 35.0, 1000.0}) {
    std::vector<double> anchors(20, 1.0);
    std::vector<double> positives(20, 1e37);
    positives[1] = 2e37;
    TestCase test_case = MapsOf(anchors, positives, 1, tclip);
    ConfigOf(test_case).regularizer_weight = 0;
    const TestResult result = RunOnDevice(test_case);
    EXPECT_NEAR(result.objective, std::log(20), 2e-5) << tclip;
    for (const size_t input : {0, 1}) EXPECT_THAT(result.gradient(input), Each(0.0)) << tclip;
  }
}

// Few channels: what the clip rounds is all that is rounded.
TEST(ExtremeNumbersTest, ClipsRoundNextToNothing) {
  double worst = 0;
  for (const double tclip : {10.0, 40.0, 41.0, 1e3, 1e6}) {
    for (const int64_t images : {2, 3, 8}) {
      for (uint64_t seed = 0; seed < 30; ++seed) {
        MapMaker maker{std::mt19937_64(seed)};
        maker.deviation = std::sqrt(tclip);
        TestCase test_case = MakePlainCase(maker, {images, 1, 1, 1});
        ConfigOf(test_case).tclip = tclip;
        ConfigOf(test_case).regularizer_weight = 0;
        worst = std::max(worst, ShareOnDevice(test_case));
      }
    }
  }
  EXPECT_LE(worst, 0.7);
}

// Features behind a ReLU: all terms of a score have one sign.
TEST(ExtremeNumbersTest, LongSumsOfOneSignAreRight) {
  double worst = 0;
  for (const double tclip : {10.0, kInfinity}) {
    for (const int64_t images : {2, 17, 24, 40}) {
      for (const int64_t channels : {256, 1280}) {
        for (uint64_t seed = 0; seed < 6; ++seed) {
          MapMaker maker{std::mt19937_64(seed)};
          maker.mean = seed % 2 == 0 ? 1.5 : 8;
          maker.relu = true;
          TestCase test_case = MakePlainCase(maker, {images, channels, 1, 1});
          ConfigOf(test_case).tclip = tclip;
          worst = std::max(worst, ShareOnDevice(test_case));
        }
      }
    }
  }
  EXPECT_LE(worst, 0.7);
}

// All features of a row are equal: so are the roundings of all of its scores.
TEST(ExtremeNumbersTest, FewScoresOfRowsAlikeAreRight) {
  std::mt19937_64 random(6);
  std::normal_distribution<double> normal(10, 0.3);
  for (const int64_t rows : {2, 5, 32}) {
    for (const int64_t width : {5, 33, 64, 128, 2048}) {
      TestCase views = ViewsOf(NtXentConfig{.temperature = 0.2}, rows, width, 0);
      for (TestInput& view : views.inputs) {
        for (int64_t r = 0; r < rows; ++r) {
          std::fill_n(view.values.begin() + r * width, width, normal(random));
        }
      }
      const std::vector<TestInput> inputs = views.inputs;
      EXPECT_LE(ShareOnDevice(views), 0.7) << rows << " x " << width;
      const auto share_of = [&](LossConfig config, const char* first, const char* second) {
        TestCase test_case{{}, inputs};
        test_case.request.loss = std::move(config);
        test_case.inputs[0].name = first;
        test_case.inputs[1].name = second;
        return ShareOnDevice(test_case);
      };
      EXPECT_LE(share_of(InfoNceConfig{.normalize = false, .symmetric = true}, "query", "key"), 0.7) << rows;
      EXPECT_LE(share_of(ClipConfig{}, "image", "text"), 0.7) << rows << " x " << width;
      EXPECT_LE(share_of(SigLipConfig{.normalize = true}, "image", "text"), 0.7) << rows << " x " << width;
      EXPECT_LE(share_of(BarlowTwinsConfig{}, "z_1", "z_2"), 0.7) << rows << " x " << width;
    }
  }
}

// Sums of hundreds of equal terms are rounded alike at each of them.
TEST(ExtremeNumbersTest, RowsOfOneLevelAreNormalisedRight) {
  std::mt19937_64 random(8);
  std::normal_distribution<double> normal(0.5, 0.3);
  for (const int64_t width : {256, 512, 1024}) {
    TestCase test_case = ViewsOf(SigLipConfig{.normalize = true, .logit_scale = -0.3}, 32, width, 0);
    for (TestInput& input : test_case.inputs) {
      input.name = input.name == "out_1" ? "image" : "text";
      input.dtype = DType::kFloat64;
      for (int64_t r = 0; r < 32; ++r) std::fill_n(input.values.begin() + r * width, width, normal(random));
    }
    EXPECT_LE(ShareOnDevice(test_case), 0.7) << width;
  }
}

// Maps whose vectors are three, again and again.
TEST(ExtremeNumbersTest, GradientsOfImagesThatAreAlikeAreRight) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal(0.75, 0.3);
    constexpr int64_t kChannels = 100;
    constexpr int64_t kLocations = 49;
    std::vector<double> vectors(3 * kChannels);
    for (double& value : vectors) value = 0.16 * normal(random);
    TestCase test_case;
    test_case.request.loss = FeatureMapContrastiveConfig{.comparisons = "00", .bidirectional = false};
    ConfigOf(test_case).sampling = SamplingSeed{seed, std::nullopt, 0, 0};
    for (int64_t view = 0; view < 2; ++view) {
      const char* const name = view == 0 ? "anchor.0" : "positive.0";
      TestInput& map = test_case.inputs.emplace_back(TestInput{name, {12, kChannels, 7, 7}, {}, DType::kFloat32});
      for (int64_t i = 0; i < ElementCount(map.shape); ++i) {
        const int64_t vector = (i / (kChannels * kLocations) * kLocations + i % kLocations + view) % 3;
        map.values.push_back(vectors[static_cast<size_t>(vector * kChannels + i / kLocations % kChannels)]);
      }
    }
    EXPECT_LE(ShareOnDevice(test_case), 0.7) << seed;
  }
}

// A few wide rows of one sign against many.
TEST(ExtremeNumbersTest, ScoresOfWideRowsAreRight) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
    double worst = 0;
    for (uint64_t seed = 0; seed < 4; ++seed) {
      std::mt19937_64 random(seed);
      std::normal_distribution<double> normal;
      TestCase test_case;
      test_case.request.loss = InfoNceConfig{.temperature = 0.32, .normalize = false};
      for (const auto& [name, rows] : {std::pair("query", 12), std::pair("key", 12), std::pair("negative.0", 257)}) {
        TestInput& input = test_case.inputs.emplace_back(TestInput{name, {rows, 2048}, {}, dtype});
        for (int64_t i = 0; i < rows * 2048; ++i) input.values.push_back(4 + 4 * std::abs(normal(random)));
      }
      worst = std::max(worst, ShareOnDevice(test_case));
    }
    EXPECT_LE(worst, 0.7) << DTypeName(dtype);
  }
}

TEST(ExtremeNumbersTest, ColumnsMayBeFarFromZero) {
  for (const int64_t rows : {2, 128}) {
    for (const double distance : {1.0, 1e3, 1e6}) {
      std::mt19937_64 random(7);
      std::normal_distribution<double> normal(distance, 1);
      TestCase test_case;
      for (const char* name : {"z_1", "z_2"}) {
        TestInput& view = test_case.inputs.emplace_back(TestInput{name, {rows, 16}, {}, DType::kFloat64});
        for (int64_t i = 0; i < rows * 16; ++i) view.values.push_back(normal(random));
      }
      test_case.request.loss = BarlowTwinsConfig{};
      EXPECT_LE(ShareOnDevice(test_case), 0.7) << rows << " rows at " << distance;
      test_case.request.loss = VicRegConfig{};
      EXPECT_LE(ShareOnDevice(test_case), 0.7) << rows << " rows at " << distance;
    }
  }
}

// The network's arithmetic is that of any other scale.
TEST(ExtremeNumbersTest, CpcMayHaveAnyGradientScale) {
  TestCase test_case;
  test_case.request.loss = CpcConfig{.target_dim = 4, .init_seed = 0};
  MapMaker maker{std::mt19937_64(5)};
  test_case.inputs = {maker.Make("z", {2, 3, 5, 5})};
  const TestResult plain = RunOnDevice(test_case);
  double largest = 0;
  for (const double g : plain.gradient(0)) largest = std::max(largest, std::abs(g));
  for (const double scale : {1e-30, 1e30, 1e36}) {
    test_case.request.gradients.scale = scale;
    const std::vector<double> scaled = RunOnDevice(test_case).gradient(0);
    for (size_t i = 0; i < scaled.size(); ++i) {
      EXPECT_NEAR(scaled[i] / scale, plain.gradient(0)[i], 1e-6 * largest) << scale;
    }
  }
}

TEST(ExtremeNumbersTest, WeightsAndScaleOfGradientsCountTogether) {
  MapMaker maker{std::mt19937_64(4)};
  maker.deviation = 1e-3;
  TestCase test_case = MakePlainCase(maker, {20, 3, 2, 2});
  for (const double sign : {1.0, -1.0}) {
    ConfigOf(test_case).loss_weights = {sign * 1e5};
    ConfigOf(test_case).regularizer_weight = 0;
    test_case.request.gradients.scale = 1e37;
    EXPECT_LE(ShareOnDevice(test_case), 1);
    ConfigOf(test_case).loss_weights = {0};
    ConfigOf(test_case).regularizer_weight = sign * 1e8;
    EXPECT_LE(ShareOnDevice(test_case), 1);
  }
}

}  // namespace
}  // namespace lossd::testing
