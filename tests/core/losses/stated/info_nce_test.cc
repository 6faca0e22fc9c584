// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "core/losses/registry.h"
#include "gtest/gtest.h"
#include "tests/support/complex_step.h"
#include "tests/support/refusals.h"

namespace lossd::testing {
namespace {

TestCase MakeCase(int64_t rows, int64_t width, InfoNceConfig config, std::vector<int64_t> negatives = {},
                  int64_t guide_width = 0, DType dtype = DType::kFloat32, uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  TestCase test_case;
  test_case.request.loss = config;
  const auto add = [&](const std::string& name, int64_t count, int64_t columns) {
    test_case.inputs.push_back(NormalInput(name, {count, columns}, random, dtype));
  };
  add("query", rows, width);
  add("key", rows, width);
  for (size_t j = 0; j < negatives.size(); ++j) add("negative." + std::to_string(j), negatives[j], width);
  if (guide_width == 0) return test_case;
  add("guide.query", rows, guide_width);
  add("guide.key", rows, guide_width);
  for (size_t j = 0; j < negatives.size(); ++j) add("guide.negative." + std::to_string(j), negatives[j], guide_width);
  return test_case;
}

using Rows = std::vector<std::vector<Complex>>;

// Rows of `first`, then of each `more`.0, `more`.1, ...
Rows Joined(const TestCase& test_case, const ComplexInputs& inputs, const std::string& first, const std::string& more,
            bool normalize) {
  Rows rows;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TestInput& input = test_case.inputs[i];
    if (input.name != first && input.name.rfind(more + ".", 0) != 0) continue;
    for (auto& row : RowsOf(inputs[i], static_cast<size_t>(input.shape[1]), normalize)) rows.push_back(row);
  }
  return rows;
}

// One row's loss: its scores, which of them are left, and its pair.
Complex RowLoss(const std::vector<Complex>& scores, const std::vector<bool>& left, size_t pair, double smoothing) {
  std::vector<Complex> kept;
  Complex sum = 0;
  for (size_t k = 0; k < scores.size(); ++k) {
    if (left[k]) kept.push_back(scores[k]);
    if (left[k]) sum += scores[k];
  }
  const Complex lse = LogSumExp(kept);
  return (1 - smoothing) * (lse - scores[pair]) + smoothing * (lse - sum / static_cast<double>(kept.size()));
}

Complex Naive(const TestCase& test_case, const ComplexInputs& inputs) {
  const auto& config = std::get<InfoNceConfig>(test_case.request.loss);
  const Rows query = Joined(test_case, inputs, "query", "none", config.normalize);
  const Rows keys = Joined(test_case, inputs, "key", "negative", config.normalize);
  const bool guided = IndexOf(test_case, "guide.query") < inputs.size();
  const Rows guide_query = Joined(test_case, inputs, guided ? "guide.query" : "query", "none", true);
  const Rows guide_keys =
      Joined(test_case, inputs, guided ? "guide.key" : "key", guided ? "guide.negative" : "negative", true);
  const auto leaves = [&](size_t i, size_t k, size_t own) {
    if (!config.false_negatives.has_value()) return false;
    const double pair = Dot(guide_query[own], guide_keys[own]).real();
    const double margin = config.false_negatives->margin;
    const bool relative = config.false_negatives->margin_strategy == MarginStrategy::kRelative;
    return Dot(guide_query[i], guide_keys[k]).real() > pair - (relative ? std::abs(pair) * margin : margin);
  };
  const auto score = [&](size_t i, size_t k) { return Dot(query[i], keys[k]) / config.temperature; };
  const size_t rows = query.size();
  Complex total = 0;
  for (size_t i = 0; i < rows; ++i) {
    std::vector<Complex> scores;
    std::vector<bool> left;
    for (size_t k = 0; k < keys.size(); ++k) {
      scores.push_back(score(i, k));
      left.push_back(k == i || !leaves(i, k, i));
    }
    total += RowLoss(scores, left, i, config.label_smoothing);
    if (!config.symmetric) continue;
    scores.clear();
    left.clear();
    for (size_t j = 0; j < rows; ++j) {
      scores.push_back(score(j, i));
      left.push_back(j == i || !leaves(j, i, i));
    }
    total += RowLoss(scores, left, i, config.label_smoothing);
  }
  return total / static_cast<double>(config.symmetric ? 2 * rows : rows);
}

// The largest score is 1 / temperature where rows are normalised.
void Check(const TestCase& test_case, double kappa = 0) {
  const auto& config = std::get<InfoNceConfig>(test_case.request.loss);
  ExpectAgrees(*MakeTileLoss(config), test_case, Naive, kappa == 0 ? 1 / config.temperature : kappa, 4, 12);
}

TEST(InfoNceTest, AgreesWithPlainLoops) {
  for (const auto& [rows, width] : {std::pair(1, 3), std::pair(2, 1), std::pair(17, 5), std::pair(70, 33)}) {
    for (const bool symmetric : {false, true}) Check(MakeCase(rows, width, {.symmetric = symmetric}));
  }
}

TEST(InfoNceTest, AgreesWhereItIsCut) {
  Check(MakeCase(300, 3, {.symmetric = true}, {1, 290}));
  Check(MakeCase(5, 3, {}, {600}));
  Check(MakeCase(530, 2, {}, {3}));
}

TEST(InfoNceTest, NegativesAreColumnsOfRowsAlone) {
  Check(MakeCase(9, 4, {.symmetric = true}, {4, 1, 12}));
  Check(MakeCase(1, 4, {}, {7}));
}

TEST(InfoNceTest, SmoothsLabels) {
  Check(MakeCase(12, 6, {.label_smoothing = 0.1}, {5}));
  Check(MakeCase(280, 4, {.symmetric = true, .label_smoothing = 0.3}, {20}));
}

TEST(InfoNceTest, LeavesOutWhatIsTooSimilar) {
  for (const MarginStrategy strategy : {MarginStrategy::kAbsolute, MarginStrategy::kRelative}) {
    for (const double margin : {-0.1, 0.0, 0.2}) {
      InfoNceConfig config{.false_negatives = FalseNegatives{strategy, margin}};
      for (const int64_t guide : {0, 7}) {
        for (const bool symmetric : {false, true}) {
          for (const double smoothing : {0.0, 0.2}) {
            config.symmetric = symmetric;
            config.label_smoothing = smoothing;
            Check(MakeCase(15, 5, config, {6, 3}, guide));
          }
        }
      }
    }
  }
  Check(MakeCase(290, 4, {.symmetric = true, .false_negatives = FalseNegatives{}}, {9}, 3));
}

// Equal rows are no more similar than the positive, and an only column left is certain.
TEST(InfoNceTest, KeepsCopiesOfThePositiveAndLeavesOutAllOthers) {
  TestCase test_case = MakeCase(4, 3, {.false_negatives = FalseNegatives{}});
  for (int row = 0; row < 4; ++row) {
    for (int c = 0; c < 3; ++c) test_case.inputs[1].values[row * 3 + c] = test_case.inputs[0].values[c];
  }
  ASSERT_OK_AND_ASSIGN(const TestResult equal, RunAlone(*MakeTileLoss(InfoNceConfig{}), test_case));
  EXPECT_NEAR(equal.objective, std::log(4), 1e-6);
  EXPECT_EQ(equal.output("accuracy")[0], 1);
  TestCase alone = MakeCase(4, 3, {.false_negatives = FalseNegatives{.margin = 3}});
  ASSERT_OK_AND_ASSIGN(const TestResult certain, RunAlone(*MakeTileLoss(InfoNceConfig{}), alone));
  EXPECT_EQ(certain.objective, 0);
  EXPECT_THAT(certain.gradient(0), ::testing::Each(0.0));
}

TEST(InfoNceTest, WithoutNormalisationScoresAreProducts) {
  TestCase test_case = MakeCase(20, 8, {.temperature = 2, .normalize = false}, {3});
  Check(test_case, 20);
}

TEST(InfoNceTest, AgreesInFloat64) {
  Check(MakeCase(20, 7, {.symmetric = true, .label_smoothing = 0.1, .false_negatives = FalseNegatives{}}, {5}, 4,
                 DType::kFloat64));
}

TEST(InfoNceTest, CountsRowsWhosePositiveIsBest) {
  TestCase test_case = MakeCase(3, 3, {});
  test_case.inputs[0].values = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  test_case.inputs[1].values = {1, 0, 0, 0, 0, 1, 0, 1, 0};
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(InfoNceConfig{}), test_case));
  EXPECT_NEAR(result.output("accuracy")[0], 1.0 / 3, 1e-7);
}

TEST(InfoNceTest, ZeroRowsHaveTheGradientOfTheirBound) {
  TestCase test_case = MakeCase(5, 3, {}, {}, 0, DType::kFloat64);
  for (int c = 0; c < 3; ++c) test_case.inputs[0].values[c] = 0;
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeTileLoss(InfoNceConfig{}), test_case));
  EXPECT_TRUE(std::isfinite(result.objective));
  Check(test_case);
}

TEST(InfoNceTest, RefusesWhatHasNoMeaning) {
  const std::string loss = "loss.info_nce.";
  ExpectRefused(MakeCase(3, 2, {.temperature = 0}), loss + "temperature", "expected a finite value > 0, got 0");
  ExpectRefused(MakeCase(3, 2, {.label_smoothing = 1}), loss + "label_smoothing",
                "expected a value >= 0 and < 1, got 1");
  ExpectRefused(MakeCase(3, 2, {.label_smoothing = NAN}), loss + "label_smoothing",
                "expected a value >= 0 and < 1, got nan");
  ExpectRefused(MakeCase(3, 2, {.false_negatives = FalseNegatives{.margin = HUGE_VAL}}),
                loss + "false_negatives.margin", "expected a finite value, got inf");
  ExpectRefused(MakeCase(3, 2, {}, {}, 4), "inputs[guide.query]",
                "expected no guides without loss.info_nce.false_negatives");
  TestCase guided = MakeCase(3, 2, {.false_negatives = FalseNegatives{}}, {2}, 4);
  guided.inputs.pop_back();
  ExpectRefused(guided, "inputs[guide.negative.0]", "expected a guide for each of 1 negatives, got 0");
  guided.inputs.pop_back();
  ExpectRefused(guided, "inputs[guide.key]", "missing, expected guides of all inputs or of none");
  TestCase narrow = MakeCase(3, 2, {}, {4});
  narrow.inputs[2] = {"negative.0", {2, 4}, std::vector<double>(8)};
  ExpectRefused(narrow, "inputs[negative.0].shape", "expected [M, D] with D = 2 as in inputs[query], got [2, 4]");
  narrow.inputs[2].name = "negative.1";
  ExpectRefused(narrow, "inputs[negative.0]", "missing, numbers start at 0 without gaps");
}

}  // namespace
}  // namespace lossd::testing
