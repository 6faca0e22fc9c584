// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/losses/registry.h"
#include "core/status/errors.h"
#include "tests/support/accuracy.h"
#include "tests/support/contrast_oracle.h"
#include "tests/support/loss_runs.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::GradientErrorShare;
using ::lossd::testing::LossErrorShare;
using ::lossd::testing::NtXentOracle;
using ::lossd::testing::OracleResult;
using ::lossd::testing::RunAlone;
using ::lossd::testing::RunBatch;
using ::lossd::testing::ShuffledParallel;
using ::lossd::testing::StatusIs;
using ::lossd::testing::TestCase;
using ::lossd::testing::TestInput;
using ::lossd::testing::TestResult;
using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::Pointwise;

struct ViewMaker {
  std::mt19937_64 engine;
  double deviation = 1;
  double correlation = 0;  // Of the views' rows.
  bool normalise = false;
  DType dtype = DType::kFloat32;

  TestCase Make(int64_t rows, int64_t width, double temperature = 0.5) {
    std::normal_distribution<double> normal(0, deviation);
    std::vector<double> out_1(static_cast<size_t>(rows * width));
    for (double& value : out_1) value = normal(engine);
    std::vector<double> out_2(out_1.size());
    for (size_t i = 0; i < out_2.size(); ++i) out_2[i] = correlation * out_1[i] + normal(engine);
    if (normalise) Normalise(out_1, width);
    if (normalise) Normalise(out_2, width);
    TestCase test_case;
    test_case.request.loss = NtXentConfig{.temperature = temperature};
    test_case.inputs = {{"out_1", {rows, width}, out_1, dtype}, {"out_2", {rows, width}, out_2, dtype}};
    return test_case;
  }

  static void Normalise(std::vector<double>& rows, int64_t width) {
    for (auto row = rows.begin(); row != rows.end(); row += width) {
      double squares = 0;
      for (auto x = row; x != row + width; ++x) squares += *x * *x;
      for (auto x = row; x != row + width; ++x) *x /= std::sqrt(squares);
    }
  }
};

// Runs a case and compares everything with the oracle. Returns the largest share of the allowed error.
double ExpectAccurate(const TestCase& test_case) {
  auto result = RunAlone(*MakeTileLoss(NtXentConfig{}), test_case);
  EXPECT_OK(result);
  if (!result.ok()) return NAN;
  const DType dtype = test_case.inputs[0].dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
  const OracleResult oracle = NtXentOracle(test_case);
  const double kappa = oracle.conditioning.kappa;
  double worst = LossErrorShare(result->objective, oracle.objective, kappa, dtype);
  EXPECT_LE(worst, 1) << "loss";
  EXPECT_LE(LossErrorShare(result->output("loss")[0], oracle.objective, kappa, dtype), 1);
  for (size_t i = 0; i < 2; ++i) {
    const double share =
        GradientErrorShare(result->gradient(i), oracle.gradients[i], oracle.conditioning.magnitude[i], kappa, dtype);
    EXPECT_LE(share, 1) << test_case.inputs[i].name;
    worst = std::max(worst, share);
  }
  return worst;
}

TEST(NtXentTest, AgreesWithPlainLoops) {
  ViewMaker maker{std::mt19937_64(1)};
  for (const auto& [rows, width] : {std::pair(1, 1), std::pair(1, 7), std::pair(2, 3), std::pair(5, 16),
                                    std::pair(33, 64), std::pair(255, 5), std::pair(257, 9), std::pair(600, 2)}) {
    ExpectAccurate(maker.Make(rows, width));
  }
}

// More rows than blocks, and than tiles at a time.
TEST(NtXentTest, AgreesWithPlainLoopsWhereItIsCut) {
  ViewMaker maker{std::mt19937_64(2)};
  ExpectAccurate(maker.Make(1500, 3));
}

TEST(NtXentTest, AgreesInFloat64ToItsPrecision) {
  ViewMaker maker{std::mt19937_64(3)};
  maker.dtype = DType::kFloat64;
  ExpectAccurate(maker.Make(50, 20));
  maker.normalise = true;
  ExpectAccurate(maker.Make(300, 5, 0.05));
}

TEST(NtXentTest, StaysAccurateAtLowTemperatures) {
  ViewMaker maker{std::mt19937_64(4)};
  maker.normalise = true;
  for (double correlation : {0.0, 1.0, 10.0}) {
    maker.correlation = correlation;
    for (double temperature : {0.07, 0.05, 0.02, 0.01, 0.001}) {
      SCOPED_TRACE(temperature);
      ExpectAccurate(maker.Make(40, 24, temperature));
    }
  }
}

TEST(NtXentTest, StaysAccurateWithoutNormalisation) {
  ViewMaker maker{std::mt19937_64(5)};
  for (double deviation : {3.0, 30.0, 1000.0}) {
    maker.deviation = deviation;
    ExpectAccurate(maker.Make(30, 40));
  }
}

// Features behind a ReLU: no two terms of a score cancel.
TEST(NtXentTest, StaysAccurateWhereTermsHaveOneSign) {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    for (const int64_t width : {255, 256, 257}) {
      for (const double offset : {1.5, 8.0}) {
        SCOPED_TRACE(absl::StrCat("seed ", seed, " width ", width, " offset ", offset));
        ViewMaker maker{std::mt19937_64(seed)};
        TestCase test_case = maker.Make(5, width, 0.1);
        for (TestInput& input : test_case.inputs) {
          for (double& value : input.values) value = static_cast<float>(std::max(value + offset, 0.0));
        }
        ExpectAccurate(test_case);
      }
    }
  }
}

// Few rows of many terms of one sign: no mean over rows hides what roundings add up to.
TEST(NtXentTest, StaysAccurateWhereFewRowsHaveManyTermsOfOneSign) {
  for (uint64_t seed = 0; seed < 4; ++seed) {
    for (const int64_t rows : {2, 4, 16}) {
      for (const int64_t width : {64, 2048}) {
        ViewMaker maker{std::mt19937_64(seed)};
        TestCase test_case = maker.Make(rows, width, 0.01);
        for (TestInput& input : test_case.inputs) {
          for (double& value : input.values) value = static_cast<float>(std::abs(value) + 1);
        }
        EXPECT_LE(ExpectAccurate(test_case), 0.7) << rows << " rows of " << width;
      }
    }
  }
}

// Products beyond what a float holds, scores that are 1.
TEST(NtXentTest, RowsOfAnySizeAreComputedWhereScoresAreNumbers) {
  for (const int64_t rows : {2, 40}) {
    for (const double size : {1e20, 1e-20, 1e30}) {
      TestCase test_case = ViewMaker().Make(rows, 4, 4 * size * size);
      for (TestInput& input : test_case.inputs) std::fill(input.values.begin(), input.values.end(), size);
      ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
      EXPECT_NEAR(result.objective, std::log(2 * static_cast<double>(rows) - 1), 1e-6);
      for (const double g : result.gradient(0)) EXPECT_TRUE(std::isfinite(g));
    }
  }
}

TEST(NtXentTest, NormalisesRowsIfAsked) {
  ViewMaker maker{std::mt19937_64(15)};
  for (const int64_t rows : {5, 100}) {
    TestCase test_case = maker.Make(rows, 8, 0.1);
    std::get<NtXentConfig>(test_case.request.loss).normalize = true;
    ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
    for (TestInput& input : test_case.inputs) {
      for (double& value : input.values) value = static_cast<float>(value);
      ViewMaker::Normalise(input.values, 8);
      input.dtype = DType::kFloat64;
    }
    std::get<NtXentConfig>(test_case.request.loss).normalize = false;
    EXPECT_NEAR(result.objective, NtXentOracle(test_case).objective, 1e-6);
    // The loss does not depend on a row's length.
    const std::vector<double> gradient = result.gradient(0);
    double along = 0;
    for (int64_t c = 0; c < 8; ++c) along += gradient[c] * test_case.inputs[0].values[c];
    EXPECT_NEAR(along, 0, 1e-7);
  }
}

TEST(NtXentTest, AgreesWithCentralDifferences) {
  ViewMaker maker{std::mt19937_64(6)};
  maker.dtype = DType::kFloat64;
  const TestCase test_case = maker.Make(4, 3);
  const auto loss = MakeTileLoss(NtXentConfig{});
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*loss, test_case));
  for (size_t i = 0; i < 2; ++i) {
    const std::vector<double> gradient = result.gradient(i);
    for (size_t e = 0; e < gradient.size(); ++e) {
      EXPECT_NEAR(CentralDifference(*loss, test_case, i, e), gradient[e], 1e-6 * std::max(0.01, std::abs(gradient[e])));
    }
  }
}

TEST(NtXentTest, IsZeroForOneRow) {
  ViewMaker maker{std::mt19937_64(7)};
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(NtXentConfig{}), maker.Make(1, 5)));
  EXPECT_EQ(result.objective, 0);
  EXPECT_THAT(result.gradient(0), Each(0.0));
  EXPECT_THAT(result.gradient(1), Each(0.0));
}

TEST(NtXentTest, KnowsTheLossOfEqualScores) {
  for (int64_t rows : {2, 300}) {
    TestCase test_case = ViewMaker().Make(rows, 4);
    for (TestInput& input : test_case.inputs) std::fill(input.values.begin(), input.values.end(), 0.25);
    ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
    EXPECT_NEAR(result.objective, std::log(2 * static_cast<double>(rows) - 1), 1e-6);
  }
}

TEST(NtXentTest, IsSymmetricInItsViews) {
  TestCase test_case = ViewMaker{std::mt19937_64(8)}.Make(20, 6);
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
  std::swap(test_case.inputs[0].values, test_case.inputs[1].values);
  ASSERT_OK_AND_ASSIGN(const TestResult swapped, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
  EXPECT_NEAR(swapped.objective, result.objective, 1e-6);
  EXPECT_THAT(swapped.gradient(0), Pointwise(DoubleNear(1e-6), result.gradient(1)));
}

TEST(NtXentTest, TakesItsInputsInAnyOrder) {
  TestCase test_case = ViewMaker{std::mt19937_64(9)}.Make(20, 6);
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
  std::swap(test_case.inputs[0], test_case.inputs[1]);
  ASSERT_OK_AND_ASSIGN(const TestResult swapped, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
  EXPECT_EQ(swapped.objective, result.objective);
  EXPECT_EQ(swapped.gradient(0), result.gradient(1));
}

TEST(NtXentTest, ScalesGradientsAlone) {
  TestCase test_case = ViewMaker{std::mt19937_64(10)}.Make(20, 6);
  ASSERT_OK_AND_ASSIGN(const TestResult plain, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
  test_case.request.gradients.scale = 4096;
  ASSERT_OK_AND_ASSIGN(const TestResult scaled, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
  EXPECT_EQ(scaled.objective, plain.objective);
  ExpectAccurate(test_case);
}

TEST(NtXentTest, ComputesTheSameWithFewerGradients) {
  TestCase test_case = ViewMaker{std::mt19937_64(11)}.Make(300, 6);
  ASSERT_OK_AND_ASSIGN(const TestResult all, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
  test_case.request.gradients.mode = GradientSelection::Mode::kNamed;
  test_case.request.gradients.names = {"out_2"};
  ASSERT_OK_AND_ASSIGN(const TestResult one, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
  EXPECT_EQ(one.objective, all.objective);
  EXPECT_EQ(one.gradient(1), all.gradient(1));
  test_case.request.gradients.mode = GradientSelection::Mode::kNone;
  ASSERT_OK_AND_ASSIGN(const TestResult none, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
  EXPECT_EQ(none.Bytes().substr(0, 12), all.Bytes().substr(0, 12));
}

TEST(NtXentTest, GivesTheSameBytesAloneBatchedAndOnManyThreads) {
  const auto loss = MakeTileLoss(NtXentConfig{});
  ViewMaker maker{std::mt19937_64(12)};
  for (int64_t rows : {3, 256, 1300}) {
    const std::vector<TestCase> cases = {maker.Make(rows, 10), maker.Make(rows, 10)};
    ShuffledParallel shuffled(3, 5);
    const auto batched = RunBatch(*loss, cases, shuffled);
    for (size_t i = 0; i < cases.size(); ++i) {
      ASSERT_OK_AND_ASSIGN(const TestResult alone, RunAlone(*loss, cases[i]));
      const auto threaded = RunBatch(*loss, {cases[i]}, shuffled);
      ASSERT_OK(batched[i]);
      ASSERT_OK(threaded[0]);
      EXPECT_EQ(batched[i]->Bytes(), alone.Bytes());
      EXPECT_EQ(threaded[0]->Bytes(), alone.Bytes());
    }
  }
}

TEST(NtXentTest, ShowsANanInAnyElement) {
  TestCase test_case = ViewMaker{std::mt19937_64(13)}.Make(300, 3);
  test_case.inputs[1].values[40] = NAN;
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
  EXPECT_TRUE(std::isnan(result.objective));
  EXPECT_TRUE(std::isnan(result.gradient(0)[0]));
}

TEST(NtXentTest, ShowsANanInOneRow) {
  TestCase test_case = ViewMaker{std::mt19937_64(14)}.Make(1, 3);
  test_case.inputs[1].values[2] = NAN;
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
  EXPECT_TRUE(std::isnan(result.objective));
}

// Temperatures whose inverse no float holds, or no double.
TEST(NtXentTest, ZeroScoresAreZeroAtAnyTemperature) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
    for (double temperature : {6e-309, 1e-300, 1e-40, 2e-39, 1e300}) {
      SCOPED_TRACE(temperature);
      TestCase test_case = ViewMaker().Make(5, 4, temperature);
      for (TestInput& input : test_case.inputs) {
        input.dtype = dtype;
        std::fill(input.values.begin(), input.values.end(), 0.0);
      }
      ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(NtXentConfig{}), test_case));
      EXPECT_NEAR(result.objective, std::log(9), 1e-6);
      EXPECT_THAT(result.gradient(0), Each(0.0));
    }
  }
}

// Refused with text "field: description", as an error about `field`.
void ExpectRefused(const TestCase& test_case, const std::string& field, const std::string& description) {
  const auto result = RunAlone(*MakeTileLoss(NtXentConfig{}), test_case);
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kInvalidArgument, field + ": " + description));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(GetFieldViolation(result.status())->field, field);
}

TEST(NtXentTest, RefusesTemperaturesWithoutMeaning) {
  for (const auto& [temperature, text] :
       {std::pair(0.0, "0"), std::pair(-0.5, "-0.5"), std::pair(std::nan(""), "nan"), std::pair(HUGE_VAL, "inf")}) {
    ExpectRefused(ViewMaker().Make(2, 3, temperature), "loss.nt_xent.temperature",
                  std::string("expected a finite value > 0, got ") + text);
  }
  for (const auto& [temperature, text] : {std::pair(1e-310, "1e-310"), std::pair(5e-324, "4.94066e-324")}) {
    ExpectRefused(ViewMaker().Make(2, 3, temperature), "loss.nt_xent.temperature",
                  std::string("expected a value whose inverse is finite, got ") + text);
  }
}

TEST(NtXentTest, RefusesInputsThatDoNotFit) {
  TestCase test_case = ViewMaker().Make(2, 3);
  const auto with_second = [&](TestInput input) {
    TestCase changed = test_case;
    changed.inputs[1] = std::move(input);
    return changed;
  };
  ExpectRefused(with_second({"out_2", {3, 2}, std::vector<double>(6)}), "inputs[out_2].shape",
                "expected [2, 3] like inputs[out_1], got [3, 2]");
  ExpectRefused(with_second({"out_2", {6}, std::vector<double>(6)}), "inputs[out_2].shape",
                "expected [N, D] with extents above 0, got [6]");
  ExpectRefused(with_second({"out_2", {0, 3}, {}}), "inputs[out_2].shape",
                "expected [N, D] with extents above 0, got [0, 3]");
  ExpectRefused(with_second({"out_2", {2, 3}, std::vector<double>(6), DType::kUint8}), "inputs[out_2].dtype",
                "expected a floating type, got UINT8");
  ExpectRefused(with_second({"out_2", {2, 3}, std::vector<double>(6), DType::kFloat64}), "inputs[out_2].dtype",
                "FLOAT64 cannot be mixed with narrower types, got FLOAT64 beside FLOAT32 of inputs[out_1]");
  ExpectRefused(with_second({"out_3", {2, 3}, std::vector<double>(6)}), "inputs[out_3]",
                "unknown input, expected out_1 or out_2");
  test_case.inputs.pop_back();
  ExpectRefused(test_case, "inputs[out_2]", "missing, expected a tensor of this name");
}

}  // namespace
}  // namespace lossd
