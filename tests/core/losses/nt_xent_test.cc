// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <atomic>
#include <cmath>
#include <random>
#include <string>

#include "core/losses/loss.h"
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
  auto result = RunAlone(*MakeNtXent(), test_case);
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

TEST(NtXentTest, StaysAccurateAtLowTemperatures) {
  ViewMaker maker{std::mt19937_64(2)};
  maker.normalise = true;
  for (double correlation : {0.0, 1.0, 10.0}) {
    maker.correlation = correlation;
    for (double temperature : {0.07, 0.05, 0.02, 0.01, 0.001}) ExpectAccurate(maker.Make(40, 24, temperature));
  }
}

}  // namespace
}  // namespace lossd
