// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What every loss that is stated as an operator's problem has from its base, whatever it states.

#include "core/losses/operator_loss.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "core/losses/registry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/complex_step.h"

namespace lossd::testing {
namespace {

// Losses by index whose inputs are described completely.
std::vector<size_t> StatedLosses() {
  std::vector<size_t> stated;
  for (size_t i = 0; i < kLossCount; ++i) {
    const auto is_stated = [](const auto& config) {
      return requires(const LossInputs& inputs) { State(config, inputs); };
    };
    if (std::visit(is_stated, DefaultLossConfig(i))) stated.push_back(i);
  }
  return stated;
}

// A request with every input of the loss's description but guides, `rows` for N.
TestCase ExampleOf(size_t index, int64_t rows, DType dtype, uint64_t seed) {
  std::mt19937_64 random(seed);
  TestCase test_case;
  test_case.request.loss = DefaultLossConfig(index);
  std::map<std::string, int64_t> extents = {{"N", rows}, {"D", 6}, {"M", 5}, {"1", 1}};
  for (const LossInputDescription& input : MakeTileLoss(test_case.request.loss)->Describe().inputs) {
    if (input.constant) continue;
    Shape shape;
    for (const std::string& symbol : input.shape) shape.push_back(extents.at(symbol));
    std::string name = input.name;
    if (absl::EndsWith(name, "*")) name.back() = '0';
    test_case.inputs.push_back(NormalInput(name, shape, random, input.integer ? DType::kInt32 : dtype));
    if (!input.integer) continue;
    for (double& label : test_case.inputs.back().values) label = std::floor(2 * label);
  }
  return test_case;
}

class OperatorLossTest : public ::testing::TestWithParam<size_t> {
 protected:
  TestCase Example(int64_t rows, DType dtype = DType::kFloat32, uint64_t seed = 1) const {
    return ExampleOf(GetParam(), rows, dtype, seed);
  }
  const std::unique_ptr<Loss> loss_ = MakeTileLoss(DefaultLossConfig(GetParam()));
};

INSTANTIATE_TEST_SUITE_P(Losses, OperatorLossTest, ::testing::ValuesIn(StatedLosses()),
                         [](const auto& loss) { return std::string(kLossNames[loss.param]); });

TEST_P(OperatorLossTest, AgreesWithCentralDifferences) {
  const TestCase test_case = Example(5, DType::kFloat64);
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*loss_, test_case));
  for (size_t i = 0; i < test_case.inputs.size(); ++i) {
    if (!result.gradients[i].buffer()) continue;
    const std::vector<double> gradient = result.gradient(i);
    const double largest = std::abs(*std::max_element(gradient.begin(), gradient.end(),
                                                      [](double a, double b) { return std::abs(a) < std::abs(b); }));
    for (size_t e = 0; e < gradient.size(); ++e) {
      EXPECT_NEAR(CentralDifference(*loss_, test_case, i, e), gradient[e], 1e-6 * std::max(0.01, largest))
          << test_case.inputs[i].name << "[" << e << "]";
    }
  }
}

TEST_P(OperatorLossTest, GivesTheSameBytesAloneBatchedAndOnManyThreads) {
  for (const int64_t rows : {3, 256, 1100}) {
    for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
      if (rows > 256 && dtype == DType::kFloat64) continue;
      const std::vector<TestCase> cases = {Example(rows, dtype, 1), Example(rows, dtype, 2)};
      ShuffledParallel shuffled(3, 5);
      const auto batched = RunBatch(*loss_, cases, shuffled);
      for (size_t i = 0; i < cases.size(); ++i) {
        ASSERT_OK_AND_ASSIGN(const TestResult alone, RunAlone(*loss_, cases[i]));
        const auto threaded = RunBatch(*loss_, {cases[i]}, shuffled);
        ASSERT_OK(batched[i]);
        ASSERT_OK(threaded[0]);
        EXPECT_TRUE(batched[i]->Bytes() == alone.Bytes()) << rows;
        EXPECT_TRUE(threaded[0]->Bytes() == alone.Bytes()) << rows;
      }
    }
  }
}

TEST_P(OperatorLossTest, ComputesTheSameWithFewerGradients) {
  TestCase test_case = Example(270);
  ASSERT_OK_AND_ASSIGN(const TestResult all, RunAlone(*loss_, test_case));
  for (size_t i = 0; i < test_case.inputs.size(); ++i) {
    if (!all.gradients[i].buffer()) continue;
    test_case.request.gradients.mode = GradientSelection::Mode::kNamed;
    test_case.request.gradients.names = {test_case.inputs[i].name};
    ASSERT_OK_AND_ASSIGN(const TestResult one, RunAlone(*loss_, test_case));
    EXPECT_EQ(one.objective, all.objective);
    EXPECT_TRUE(one.gradient(i) == all.gradient(i)) << test_case.inputs[i].name;
  }
  test_case.request.gradients.mode = GradientSelection::Mode::kNone;
  ASSERT_OK_AND_ASSIGN(const TestResult none, RunAlone(*loss_, test_case));
  EXPECT_EQ(none.objective, all.objective);
}

TEST_P(OperatorLossTest, ScalesGradientsAlone) {
  TestCase test_case = Example(20);
  ASSERT_OK_AND_ASSIGN(const TestResult plain, RunAlone(*loss_, test_case));
  test_case.request.gradients.scale = 4096;
  ASSERT_OK_AND_ASSIGN(const TestResult scaled, RunAlone(*loss_, test_case));
  EXPECT_EQ(scaled.objective, plain.objective);
  for (size_t e = 0; e < plain.gradient(0).size(); ++e) {
    EXPECT_NEAR(scaled.gradient(0)[e], 4096 * plain.gradient(0)[e], 1e-6 * std::abs(scaled.gradient(0)[e]) + 1e-9);
  }
}

TEST_P(OperatorLossTest, TakesItsInputsInAnyOrder) {
  TestCase test_case = Example(20);
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*loss_, test_case));
  std::reverse(test_case.inputs.begin(), test_case.inputs.end());
  ASSERT_OK_AND_ASSIGN(const TestResult reversed, RunAlone(*loss_, test_case));
  EXPECT_EQ(reversed.objective, result.objective);
  EXPECT_TRUE(reversed.gradient(test_case.inputs.size() - 1) == result.gradient(0));
}

TEST_P(OperatorLossTest, ShowsANanInAnyElement) {
  TestCase test_case = Example(270);
  test_case.inputs[1].dtype == DType::kInt32 ? test_case.inputs[0].values[40] = NAN
                                             : test_case.inputs[1].values[40] = NAN;
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*loss_, test_case));
  EXPECT_TRUE(std::isnan(result.objective));
  EXPECT_TRUE(std::isnan(result.gradient(0)[40]));
}

TEST_P(OperatorLossTest, EqualKeysMeanEqualShapesAndConfigurations) {
  TestCase test_case = Example(4);
  const auto key_of = [&](const TestCase& keyed) {
    ComputeSpec request = keyed.request;
    for (const TestInput& input : keyed.inputs) request.inputs.push_back({input.name, input.dtype, input.shape});
    return loss_->Prepare(request).value()->batch_key;
  };
  EXPECT_EQ(key_of(test_case), key_of(Example(4, DType::kFloat32, 9)));
  EXPECT_NE(key_of(test_case), key_of(Example(5)));
  EXPECT_NE(key_of(test_case), key_of(Example(4, DType::kFloat64)));
  std::visit(
      [](auto& config) {
        config.Fields(config, [](absl::string_view, auto& field, absl::string_view) {
          if constexpr (std::is_same_v<decltype(field), double&>) field += 0.125;
          if constexpr (std::is_same_v<decltype(field), bool&>) field = !field;
        });
      },
      test_case.request.loss);
  EXPECT_NE(key_of(test_case), key_of(Example(4)));
}

}  // namespace
}  // namespace lossd::testing
