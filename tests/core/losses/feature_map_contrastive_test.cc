// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <atomic>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/losses/loss.h"
#include "core/random/torch_generator.h"
#include "tests/core/losses/map_accuracy.h"
#include "tests/support/contrast_oracle.h"
#include "tests/support/feature_map_cases.h"
#include "tests/support/loss_runs.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::ConfigOf;
using ::lossd::testing::ExpectAccurate;
using ::lossd::testing::MakeCase;
using ::lossd::testing::MakePlainCase;
using ::lossd::testing::MapMaker;
using ::lossd::testing::RunAlone;
using ::lossd::testing::RunBatch;
using ::lossd::testing::ShuffledParallel;
using ::lossd::testing::StatusIs;
using ::lossd::testing::TestCase;
using ::lossd::testing::TestInput;
using ::lossd::testing::TestResult;
using ::lossd::testing::TorchSeed;
using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Pointwise;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

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
  for (const Shape& shape : {Shape{2, 1, 1, 1}, Shape{5, 7, 3, 2}, Shape{16, 64, 7, 7}, Shape{33, 20, 1, 5},
                             Shape{9, 130, 3, 3}, Shape{70, 3, 4, 4}, Shape{3, 5, 40, 17}}) {
    SCOPED_TRACE(ShapeText(shape));
    ExpectAccurate(MakePlainCase(maker, shape));
  }
}

// Shapes that are cut in every way there is: chunks of rows, groups of targets, blocks of channels, sources that are
// too many to be packed.
TEST(FeatureMapContrastiveTest, AgreesWithPlainLoopsWhereItIsCut) {
  MapMaker maker{std::mt19937_64(2)};
  for (const Shape& shape : {Shape{2048, 2, 1, 1}, Shape{150, 3, 5, 5}, Shape{40, 300, 8, 8}, Shape{300, 1800, 1, 1}}) {
    SCOPED_TRACE(ShapeText(shape));
    ExpectAccurate(MakePlainCase(maker, shape));
  }
}

TEST(FeatureMapContrastiveTest, AgreesInFloat64ToItsPrecision) {
  MapMaker maker{std::mt19937_64(3)};
  maker.dtype = DType::kFloat64;
  for (double tclip : {10.0, 60.0, kInfinity}) {
    TestCase test_case = MakePlainCase(maker, {12, 30, 3, 5});
    ConfigOf(test_case).tclip = tclip;
    ExpectAccurate(test_case);
  }
}

TEST(FeatureMapContrastiveTest, KeepsItsGradientsWhereTheClipSaturates) {
  MapMaker maker{std::mt19937_64(4)};
  maker.mean = 1.5;
  maker.relu = true;
  for (double regularizer_weight : {1.0, 0.0}) {
    TestCase test_case = MakePlainCase(maker, {12, 1280, 3, 3});
    ConfigOf(test_case).regularizer_weight = regularizer_weight;
    ExpectAccurate(test_case);
  }
}

TEST(FeatureMapContrastiveTest, LetsMapsMeetInEveryWay) {
  MapMaker maker{std::mt19937_64(6)};
  for (const char* comparisons : {"00", "01, 10", "rr, 0r, r1, 11", "00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 01, 10"}) {
    for (bool bidirectional : {true, false}) {
      for (bool share : {false, true}) {
        TestCase test_case =
            MakeCase(comparisons, {maker.Make("anchor.0", {4, 6, 2, 3}), maker.Make("anchor.1", {4, 6, 5, 1}),
                                   maker.Make("positive.0", {4, 6, 3, 3}), maker.Make("positive.1", {4, 6, 1, 1})});
        ConfigOf(test_case).bidirectional = bidirectional;
        ConfigOf(test_case).share_source_samples = share;
        ExpectAccurate(test_case);
      }
    }
  }
}

TEST(FeatureMapContrastiveTest, WeighsLossesAndRegularizer) {
  MapMaker maker{std::mt19937_64(7)};
  TestCase test_case =
      MakeCase("00, 11, 01", {maker.Make("anchor.0", {5, 4, 2, 2}), maker.Make("anchor.1", {5, 4, 3, 3}),
                              maker.Make("positive.0", {5, 4, 2, 2}), maker.Make("positive.1", {5, 4, 3, 3})});
  ConfigOf(test_case).loss_weights = {0.0, -2.0, 0.5};
  ConfigOf(test_case).regularizer_weight = 3;
  ConfigOf(test_case).regularizer_scale = 0.2;
  test_case.request.gradients.scale = 1024;
  ExpectAccurate(test_case);
}

TEST(FeatureMapContrastiveTest, AllowsPairsOfDifferentChannels) {
  MapMaker maker{std::mt19937_64(8)};
  ExpectAccurate(MakeCase("00, 11", {maker.Make("anchor.0", {4, 6, 2, 3}), maker.Make("positive.0", {4, 6, 3, 3}),
                                     maker.Make("anchor.1", {4, 11, 2, 2}), maker.Make("positive.1", {4, 11, 4, 1})}));
}

TEST(FeatureMapContrastiveTest, AgreesWithCentralDifferences) {
  MapMaker maker{std::mt19937_64(9)};
  maker.dtype = DType::kFloat64;
  TestCase test_case =
      MakeCase("01, 10", {maker.Make("anchor.0", {3, 4, 2, 2}), maker.Make("anchor.1", {3, 4, 1, 2}),
                          maker.Make("positive.0", {3, 4, 2, 1}), maker.Make("positive.1", {3, 4, 2, 2})});
  ConfigOf(test_case).loss_weights = {1.5, -0.5};
  const auto loss = MakeFeatureMapContrastive();
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*loss, test_case));
  for (size_t i = 0; i < test_case.inputs.size(); ++i) {
    const std::vector<double> gradient = result.gradient(i);
    for (size_t e = 0; e < gradient.size(); ++e) {
      EXPECT_NEAR(CentralDifference(*loss, test_case, i, e), gradient[e], 1e-6 * std::max(0.01, std::abs(gradient[e])));
    }
  }
}

TEST(FeatureMapContrastiveTest, GivesTheSameBytesAloneBatchedAndOnManyThreads) {
  const auto loss = MakeFeatureMapContrastive();
  MapMaker maker{std::mt19937_64(10)};
  for (const Shape& shape : {Shape{3, 5, 2, 2}, Shape{130, 30, 5, 5}, Shape{40, 300, 8, 8}, Shape{2000, 3, 1, 1}}) {
    SCOPED_TRACE(ShapeText(shape));
    std::vector<TestCase> cases;
    for (double tclip : {10.0, 50.0, 10.0}) {
      cases.push_back(MakePlainCase(maker, shape));
      ConfigOf(cases.back()).tclip = tclip;
    }
    ShuffledParallel shuffled(3, 11);
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

TEST(FeatureMapContrastiveTest, ComputesTheSameWithFewerGradients) {
  const auto loss = MakeFeatureMapContrastive();
  MapMaker maker{std::mt19937_64(11)};
  TestCase test_case =
      MakeCase("00, 11", {maker.Make("anchor.0", {6, 8, 3, 3}), maker.Make("anchor.1", {6, 8, 2, 2}),
                          maker.Make("positive.0", {6, 8, 3, 3}), maker.Make("positive.1", {6, 8, 2, 2})});
  ASSERT_OK_AND_ASSIGN(const TestResult all, RunAlone(*loss, test_case));
  test_case.request.gradients.mode = GradientSelection::Mode::kNamed;
  test_case.request.gradients.names = {"positive.1"};
  ASSERT_OK_AND_ASSIGN(const TestResult one, RunAlone(*loss, test_case));
  EXPECT_FALSE(one.gradients[0].buffer());
  EXPECT_EQ(one.gradient(3), all.gradient(3));
  EXPECT_EQ(one.objective, all.objective);
  test_case.request.gradients.mode = GradientSelection::Mode::kNone;
  ASSERT_OK_AND_ASSIGN(const TestResult none, RunAlone(*loss, test_case));
  EXPECT_EQ(none.objective, all.objective);
  EXPECT_EQ(none.output("losses"), all.output("losses"));
}

TEST(FeatureMapContrastiveTest, GivesMapsThatNoComparisonUsesExactZeros) {
  MapMaker maker{std::mt19937_64(12)};
  TestCase test_case = MakeCase("00", {maker.Make("anchor.0", {2, 3, 2, 2}), maker.Make("anchor.1", {2, 9, 2, 2}),
                                       maker.Make("positive.0", {2, 3, 2, 2})});
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeFeatureMapContrastive(), test_case));
  EXPECT_THAT(result.gradient(1), Each(0.0));
}

TEST(FeatureMapContrastiveTest, HasNoLossButARegularizerForOneImage) {
  for (double tclip : {10.0, kInfinity}) {
    MapMaker maker{std::mt19937_64(13)};
    TestCase test_case = MakePlainCase(maker, {1, 6, 3, 4});
    ConfigOf(test_case).tclip = tclip;
    for (TestInput& input : test_case.inputs) {
      for (double& value : input.values) value *= -30;
    }
    ExpectAccurate(test_case);
    ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeFeatureMapContrastive(), test_case));
    EXPECT_THAT(result.output("losses"), ElementsAre(0.0));
    EXPECT_GT(result.output("regularizer")[0], 0);
  }
}

TEST(FeatureMapContrastiveTest, KnowsTheLossOfEqualScores) {
  for (double value : {0.0, 0.3}) {
    std::vector<TestInput> inputs;
    for (const char* name : {"anchor.0", "positive.0"}) {
      inputs.push_back({name, {7, 4, 3, 3}, std::vector<double>(7 * 4 * 9, value)});
    }
    ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeFeatureMapContrastive(), MakeCase("00", inputs)));
    EXPECT_THAT(result.output("losses"), ElementsAre(DoubleNear(std::log(1 + 6 * 9), 1e-6)));
  }
}

TEST(FeatureMapContrastiveTest, HasBilinearScores) {
  for (double tclip : {10.0, 2.0, kInfinity}) {
    MapMaker maker{std::mt19937_64(14)};
    maker.dtype = DType::kFloat64;
    TestCase test_case =
        MakeCase("01, 00", {maker.Make("anchor.0", {5, 6, 2, 2}), maker.Make("anchor.1", {5, 6, 3, 3}),
                            maker.Make("positive.0", {5, 6, 3, 1}), maker.Make("positive.1", {5, 6, 2, 2})});
    ConfigOf(test_case).tclip = tclip;
    ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeFeatureMapContrastive(), test_case));
    double sides[2] = {0, 0};
    for (size_t i = 0; i < 4; ++i) {
      const std::vector<double> gradient = result.gradient(i);
      for (size_t e = 0; e < gradient.size(); ++e) sides[i / 2] += gradient[e] * test_case.inputs[i].values[e];
    }
    EXPECT_NEAR(sides[0], sides[1], 1e-12 * std::max(1.0, std::abs(sides[0])));
  }
}

TEST(FeatureMapContrastiveTest, PermutesItsGradientsWithTheBatch) {
  MapMaker maker{std::mt19937_64(15)};
  TestCase test_case = MakePlainCase(maker, {4, 6, 2, 2});
  ConfigOf(test_case).sampling = ExplicitPositions{{0, 1, 2, 3, 3, 2, 0, 1}};
  TestCase reversed = test_case;
  ConfigOf(reversed).sampling = ExplicitPositions{{3, 2, 1, 0, 1, 0, 2, 3}};
  const auto reverse_images = [](std::vector<double> values) {
    std::vector<double> turned;
    for (int b = 3; b >= 0; --b) turned.insert(turned.end(), values.begin() + 24 * b, values.begin() + 24 * (b + 1));
    return turned;
  };
  for (TestInput& input : reversed.inputs) input.values = reverse_images(input.values);
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeFeatureMapContrastive(), test_case));
  ASSERT_OK_AND_ASSIGN(const TestResult turned, RunAlone(*MakeFeatureMapContrastive(), reversed));
  EXPECT_NEAR(turned.objective, result.objective, 1e-6);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_THAT(reverse_images(turned.gradient(i)), Pointwise(DoubleNear(1e-6), result.gradient(i)));
  }
}

TEST(FeatureMapContrastiveTest, ShowsANanInAnyElementItUses) {
  MapMaker maker{std::mt19937_64(16)};
  for (double tclip : {10.0, 50.0, kInfinity}) {
    for (size_t image : {0, 2}) {
      TestCase test_case = MakePlainCase(maker, {3, 5, 2, 2});
      ConfigOf(test_case).tclip = tclip;
      ConfigOf(test_case).bidirectional = false;
      ConfigOf(test_case).sampling = ExplicitPositions{{0, 1, 2}};
      test_case.inputs[1].values[image * 20 + 7] = NAN;
      ASSERT_OK_AND_ASSIGN(const TestResult target, RunAlone(*MakeFeatureMapContrastive(), test_case));
      EXPECT_TRUE(std::isnan(target.output("losses")[0]));
      EXPECT_TRUE(std::isnan(target.output("regularizer")[0]));
      EXPECT_TRUE(std::isnan(target.gradient(0)[0]));
    }
  }
}

TEST(FeatureMapContrastiveTest, ShowsANanInTheLossOfOneImage) {
  MapMaker maker{std::mt19937_64(19)};
  for (double tclip : {10.0, 50.0, kInfinity}) {
    TestCase test_case = MakePlainCase(maker, {1, 5, 2, 2});
    ConfigOf(test_case).tclip = tclip;
    test_case.inputs[1].values[3] = NAN;
    ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeFeatureMapContrastive(), test_case));
    EXPECT_TRUE(std::isnan(result.output("losses")[0])) << tclip;
  }
}

TEST(FeatureMapContrastiveTest, DoesNotLookAtPositionsThatAreNotSampled) {
  MapMaker maker{std::mt19937_64(17)};
  TestCase test_case = MakePlainCase(maker, {3, 5, 2, 2});
  ConfigOf(test_case).bidirectional = false;
  ConfigOf(test_case).sampling = ExplicitPositions{{0, 1, 2}};
  ASSERT_OK_AND_ASSIGN(const TestResult clean, RunAlone(*MakeFeatureMapContrastive(), test_case));
  for (size_t e = 0; e < test_case.inputs[0].values.size(); ++e) {
    if (e % 4 != e / 20) test_case.inputs[0].values[e] = NAN;
  }
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeFeatureMapContrastive(), test_case));
  EXPECT_EQ(result.Bytes(), clean.Bytes());
}

TEST(FeatureMapContrastiveTest, ClipsInfiniteScoresButNotTheRegularizer) {
  MapMaker maker{std::mt19937_64(18)};
  TestCase test_case = MakePlainCase(maker, {3, 1, 2, 2});
  ConfigOf(test_case).bidirectional = false;
  ConfigOf(test_case).sampling = ExplicitPositions{{0, 1, 2}};
  test_case.inputs[1].values[3] = kInfinity;
  ASSERT_OK_AND_ASSIGN(const TestResult result, RunAlone(*MakeFeatureMapContrastive(), test_case));
  EXPECT_TRUE(std::isfinite(result.output("losses")[0]));
  EXPECT_EQ(result.output("regularizer")[0], kInfinity);
}

TEST(FeatureMapContrastiveTest, StopsWhenItIsCancelled) {
  const auto loss = MakeFeatureMapContrastive();
  BufferPool pool(0);
  MapMaker maker{std::mt19937_64(19)};
  const TestCase test_case = MakePlainCase(maker, {3, 5, 2, 2});
  ComputeSpec request = test_case.request;
  std::vector<Tensor> inputs;
  std::vector<Tensor> gradients;
  for (const TestInput& input : test_case.inputs) {
    inputs.push_back(testing::MakeTensor(input, pool));
    gradients.push_back(testing::MakeTensor(input, pool));
    request.inputs.push_back(inputs.back().spec());
  }
  ASSERT_OK_AND_ASSIGN(const auto plan, loss->Prepare(request));
  std::vector<Tensor> outputs;
  for (const TensorSpec& spec : plan->outputs) {
    outputs.emplace_back(spec, pool.Allocate(static_cast<size_t>(ByteSize(spec))));
  }
  const std::atomic<bool> cancelled = true;
  LossTask task;
  task.request = &request;
  task.plan = plan.get();
  task.inputs = inputs;
  task.outputs = absl::MakeSpan(outputs);
  task.gradients = absl::MakeSpan(gradients);
  task.cancelled = &cancelled;
  LossTask* const batch[] = {&task};
  Serial serial;
  loss->Run(batch, {.parallel = serial, .pool = pool});
  EXPECT_THAT(task.status, StatusIs(absl::StatusCode::kCancelled, "cancelled during the computation"));
}

}  // namespace
}  // namespace lossd
