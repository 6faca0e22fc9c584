// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <atomic>
#include <cmath>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/losses/loss.h"
#include "core/random/torch_generator.h"
#include "tests/support/accuracy.h"
#include "tests/support/contrast_oracle.h"
#include "tests/support/loss_runs.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::FeatureMapOracle;
using ::lossd::testing::GradientErrorShare;
using ::lossd::testing::LossErrorShare;
using ::lossd::testing::OracleResult;
using ::lossd::testing::RunAlone;
using ::lossd::testing::RunBatch;
using ::lossd::testing::ShuffledParallel;
using ::lossd::testing::StatusIs;
using ::lossd::testing::TestCase;
using ::lossd::testing::TestInput;
using ::lossd::testing::TestResult;
using ::testing::DoubleNear;
using ::testing::ElementsAre;

// Maps of normal values.
struct MapMaker {
  std::mt19937_64 engine;
  double mean = 0;
  double deviation = 1;
  bool relu = false;
  DType dtype = DType::kFloat32;

  TestInput Make(const std::string& name, Shape shape) {
    std::normal_distribution<double> normal(mean, deviation);
    std::vector<double> values(static_cast<size_t>(ElementCount(shape)));
    for (double& value : values) {
      value = normal(engine);
      if (relu) value = std::max(value, 0.0);
    }
    return {name, shape, values, dtype};
  }
};

SamplingSeed TorchSeed(uint64_t seed, uint64_t skip = 0) {
  SamplingSeed sampling;
  sampling.torch_seed = seed;
  sampling.torch_skip = skip;
  return sampling;
}

FeatureMapContrastiveConfig& ConfigOf(TestCase& test_case) {
  return std::get<FeatureMapContrastiveConfig>(test_case.request.loss);
}

TestCase MakeCase(std::string comparisons, std::vector<TestInput> inputs, uint64_t seed = 3) {
  TestCase test_case;
  FeatureMapContrastiveConfig config;
  config.comparisons = std::move(comparisons);
  config.sampling = TorchSeed(seed);
  test_case.request.loss = config;
  test_case.inputs = std::move(inputs);
  return test_case;
}

// A case '00' over maps of equal shape.
TestCase MakePlainCase(MapMaker& maker, Shape shape) {
  return MakeCase("00", {maker.Make("anchor.0", shape), maker.Make("positive.0", shape)});
}

// Runs a case and compares everything with the oracle. Returns the largest share of the allowed error.
double ExpectAccurate(const TestCase& test_case) {
  auto result = RunAlone(*MakeFeatureMapContrastive(), test_case);
  EXPECT_OK(result);
  if (!result.ok()) return NAN;
  const DType dtype = test_case.inputs[0].dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
  const OracleResult oracle = FeatureMapOracle(test_case, result->output("comparisons"), result->output("positions"));
  const double kappa = oracle.conditioning.kappa;
  double worst = LossErrorShare(result->objective, oracle.objective, kappa, dtype);
  EXPECT_LE(worst, 1) << "objective";
  const std::vector<double> losses = result->output("losses");
  for (size_t k = 0; k < losses.size(); ++k) {
    const double share = LossErrorShare(losses[k], oracle.losses[k], kappa, dtype);
    EXPECT_LE(share, 1) << "loss " << k;
    worst = std::max(worst, share);
  }
  EXPECT_LE(LossErrorShare(result->output("regularizer")[0], oracle.regularizer, kappa, dtype), 1);
  for (size_t i = 0; i < test_case.inputs.size(); ++i) {
    const double share =
        GradientErrorShare(result->gradient(i), oracle.gradients[i], oracle.conditioning.magnitude[i], kappa, dtype);
    EXPECT_LE(share, 1) << test_case.inputs[i].name;
    worst = std::max(worst, share);
  }
  return worst;
}

TEST(FeatureMapContrastiveTest, ReproducesTheDocumentationsExample) {
  TorchGenerator generator(0);
  std::vector<TestInput> inputs;
  for (const char* name : {"anchor.0", "anchor.1", "positive.0", "positive.1"}) {
    std::vector<double> values(60);
    for (double& value : values) value = generator.Rand();
    inputs.push_back({name, {3, 5, 2, 2}, values});
  }
  TestCase test_case = MakeCase("01, 11", inputs);
  ConfigOf(test_case).sampling = TorchSeed(0, 240);
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeFeatureMapContrastive(), test_case));
  EXPECT_THAT(result.output("losses"), ElementsAre(DoubleNear(2.235065, 1e-6), DoubleNear(2.190210, 1e-6)));
  EXPECT_THAT(result.output("regularizer"), ElementsAre(DoubleNear(0.032384, 1e-6)));
  EXPECT_THAT(result.output("comparisons"), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(result.output("positions"), ElementsAre(0, 1, 2, 1, 1, 3, 1, 0, 0, 0, 3, 3));
  double sums[4];
  for (size_t i = 0; i < 4; ++i) {
    sums[i] = 0;
    for (double value : result.gradient(i)) sums[i] += std::abs(value);
  }
  EXPECT_THAT(sums, ElementsAre(DoubleNear(0.126709, 1e-6), DoubleNear(0.447835, 1e-6), DoubleNear(0.144148, 1e-6),
                                DoubleNear(0.452817, 1e-6)));
}

TEST(FeatureMapContrastiveTest, AgreesWithPlainLoops) {
  MapMaker maker{std::mt19937_64(1)};
  for (const Shape& shape : {Shape{1, 3, 2, 2}, Shape{2, 1, 1, 1}, Shape{5, 7, 3, 2}, Shape{16, 64, 7, 7},
                             Shape{33, 20, 1, 5}, Shape{9, 130, 3, 3}, Shape{70, 3, 4, 4}, Shape{3, 5, 40, 17}}) {
    ExpectAccurate(MakePlainCase(maker, shape));
  }
}

}  // namespace
}  // namespace lossd
