// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Every option of every loss, computed with ATen and in tiles.

#include <cstring>
#include <functional>
#include <iterator>
#include <limits>
#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/core/losses/aten/against_tiles.h"

namespace lossd {
namespace {

using ::lossd::testing::ExpectAgreesWithTiles;
using ::lossd::testing::MakeRequest;
using ::lossd::testing::RandomRequest;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

FeatureMapContrastiveConfig MapsConfig() {
  FeatureMapContrastiveConfig config;
  config.sampling = SamplingSeed{5, std::nullopt, 0, 0};
  return config;
}

std::vector<TensorSpec> MapsInputs() {
  return {{"anchor.0", {}, {6, 9, 2, 3}},
          {"anchor.1", {}, {6, 9, 4, 4}},
          {"positive.0", {}, {6, 9, 2, 3}},
          {"positive.1", {}, {6, 9, 4, 4}}};
}

// A way to change a request of some loss.
struct Option {
  std::string name;
  LossConfig loss;
  std::vector<TensorSpec> inputs;
  std::function<void(RandomRequest&)> change = [](RandomRequest&) {};
};

// For the names of failed tests.
void PrintTo(const Option& option, std::ostream* out) { *out << option.name; }

CpcConfig Cpc(int32_t target_dim, double embed_scale, StepWeighting weighting = StepWeighting::kReference) {
  CpcConfig config;
  config.target_dim = target_dim;
  config.embed_scale = embed_scale;
  config.step_weighting = weighting;
  return config;
}

Option Maps(std::string name, const std::function<void(FeatureMapContrastiveConfig&)>& change) {
  FeatureMapContrastiveConfig config = MapsConfig();
  change(config);
  return {std::move(name), config, MapsInputs()};
}

Option Changed(std::string name, LossConfig loss, std::vector<TensorSpec> inputs,
               std::function<void(RandomRequest&)> change) {
  return {std::move(name), std::move(loss), std::move(inputs), std::move(change)};
}

// All losses with `change` made to the request.
void AddForAll(const std::string& name, const std::function<void(RandomRequest&)>& change,
               std::vector<Option>& options) {
  options.push_back(Changed("Maps" + name, MapsConfig(), MapsInputs(), change));
  options.push_back(Changed("Cpc" + name, Cpc(6, 0.1), {{"z", {}, {2, 4, 5, 4}}}, change));
  options.push_back(Changed("NtXent" + name, NtXentConfig{}, {{"out_1", {}, {9, 7}}, {"out_2", {}, {9, 7}}}, change));
  options.push_back(
      Changed("SquaredNorm" + name, SquaredNormConfig{}, {{"x.0", {}, {31}}, {"x.1", {}, {2, 3}}}, change));
}

// The losses that are stated as an operator's problem, each with its options.
std::vector<Option> Stated() {
  const std::vector<TensorSpec> views = {{"out_1", {}, {40, 8}}, {"out_2", {}, {40, 8}}};
  const std::vector<TensorSpec> twins = {{"z_1", {}, {30, 12}}, {"z_2", {}, {30, 12}}};
  const std::vector<TensorSpec> rows = {
      {"query", {}, {20, 6}}, {"key", {}, {20, 6}}, {"negative.0", {}, {7, 6}}, {"negative.1", {}, {1, 6}}};
  std::vector<TensorSpec> guided = rows;
  for (const TensorSpec& row : rows) guided.push_back({"guide." + row.name, {}, {row.shape[0], 5}});
  const std::vector<TensorSpec> pairs = {{"image", {}, {25, 6}}, {"text", {}, {25, 6}}};
  std::vector<TensorSpec> scaled = pairs;
  scaled.push_back({"logit_scale", {}, {}});
  scaled.push_back({"logit_bias", {}, {1}});
  const std::vector<TensorSpec> labelled = {{"features", {}, {33, 6}}, {"labels", DType::kInt64, {33}}};
  std::vector<Option> options;
  const auto add = [&](LossConfig loss, const std::vector<TensorSpec>& inputs) {
    const std::string name = "Stated" + std::to_string(options.size()) + "Of" + std::to_string(loss.index());
    options.push_back({name, std::move(loss), inputs});
  };
  for (const bool normalize : {false, true}) {
    add(NtXentConfig{.normalize = normalize}, views);
    add(SupConConfig{.temperature = normalize ? 0.1 : 3, .normalize = normalize}, labelled);
    add(ClipConfig{.normalize = normalize, .logit_scale = 1}, pairs);
    add(SigLipConfig{.normalize = normalize}, scaled);
    add(ClipConfig{.normalize = normalize}, scaled);
    add(InfoNceConfig{.temperature = normalize ? 0.1 : 3, .normalize = normalize, .symmetric = normalize}, rows);
  }
  for (const bool symmetric : {false, true}) {
    for (const double smoothing : {0.0, 0.2}) {
      for (const MarginStrategy strategy : {MarginStrategy::kAbsolute, MarginStrategy::kRelative}) {
        InfoNceConfig config{.symmetric = symmetric, .label_smoothing = smoothing};
        config.false_negatives = FalseNegatives{strategy, symmetric ? 0.1 : -0.1};
        add(config, rows);
        add(config, guided);
      }
    }
  }
  add(VicRegConfig{}, twins);
  add(VicRegConfig{.invariance_weight = 0, .variance_weight = 3, .covariance_weight = 0, .eps = 0.01}, twins);
  add(BarlowTwinsConfig{}, twins);
  add(BarlowTwinsConfig{.lambda = 0, .eps = 0.1}, twins);
  return options;
}

// Every one of them once, with `change` made to the request.
void AddForStated(const std::string& name, const std::function<void(RandomRequest&)>& change,
                  std::vector<Option>& options) {
  for (Option& option : Stated()) options.push_back(Changed(option.name + name, option.loss, option.inputs, change));
}

std::vector<Option> Options() {
  std::vector<Option> options = Stated();
  AddForStated(
      "WithoutGradients", [](RandomRequest& r) { r.spec.gradients.mode = GradientSelection::Mode::kNone; }, options);
  AddForStated(
      "ScaledGradients", [](RandomRequest& r) { r.spec.gradients.scale = -0.125; }, options);
  AddForStated(
      "Nan", [](RandomRequest& r) { r.inputs[0].elements<float>()[2] = kNan; }, options);
  options.push_back(Maps("MapsNegativeClip", [](auto& c) { c.tclip = -3; }));
  options.push_back(Maps("MapsSmallClip", [](auto& c) { c.tclip = 0.1; }));
  options.push_back(Maps("MapsLargeClip", [](auto& c) { c.tclip = 1e4; }));
  for (const double tclip : {1e39, 1e-39, 1e-50}) {
    Option option = Maps("MapsClipBeyondFloats" + std::to_string(options.size()), [&](auto& c) { c.tclip = tclip; });
    option.change = [](RandomRequest& r) {  // Scores of 0 too.
      for (float& value : r.inputs[0].elements<float>()) value = 0;
    };
    options.push_back(std::move(option));
  }
  options.push_back(Maps("MapsWithoutRegularizer", [](auto& c) { c.regularizer_weight = 0; }));
  options.push_back(Maps("MapsRegularizer", [](auto& c) {
    c.regularizer_weight = 3;
    c.regularizer_scale = 0.2;
  }));
  options.push_back(Maps("MapsLossWeights", [](auto& c) { c.loss_weights = {-2, 0}; }));
  options.push_back(Maps("MapsUnidirectional", [](auto& c) { c.bidirectional = false; }));
  options.push_back(Maps("MapsSharedSamples", [](auto& c) {
    c.comparisons = "01, 11, 10";
    c.share_source_samples = true;
  }));
  options.push_back(Maps("MapsExplicitPositions", [](auto& c) {
    c.comparisons = "10";
    c.bidirectional = false;
    c.sampling = ExplicitPositions{{0, 15, 7, 7, 3, 1}};
  }));
  options.push_back({"MapsOneImage",
                     MapsConfig(),
                     {{"anchor.0", {}, {1, 3, 2, 2}},
                      {"anchor.1", {}, {1, 3, 1, 1}},
                      {"positive.0", {}, {1, 3, 2, 2}},
                      {"positive.1", {}, {1, 3, 1, 1}}}});
  for (const double scale : {0.01, 1.0, -0.3}) {
    options.push_back({"CpcEmbedScale" + std::to_string(options.size()), Cpc(5, scale), {{"z", {}, {3, 4, 5, 6}}}});
  }
  options.push_back({"CpcUniformSteps", Cpc(7, 0.1, StepWeighting::kUniform), {{"z", {}, {2, 5, 6, 3}}}});
  for (const double temperature : {0.01, 0.05, 4.0}) {
    options.push_back({"NtXentTemperature" + std::to_string(options.size()),
                       NtXentConfig{temperature},
                       {{"out_1", {}, {40, 8}}, {"out_2", {}, {40, 8}}}});
  }
  options.push_back({"NtXentOneRow", NtXentConfig{}, {{"out_1", {}, {1, 8}}, {"out_2", {}, {1, 8}}}});
  AddForAll(
      "WithoutGradients", [](RandomRequest& r) { r.spec.gradients.mode = GradientSelection::Mode::kNone; }, options);
  AddForAll(
      "ScaledGradients", [](RandomRequest& r) { r.spec.gradients.scale = -0.125; }, options);
  AddForAll(
      "Nan", [](RandomRequest& r) { r.inputs[0].elements<float>()[2] = kNan; }, options);
  AddForAll(
      "Infinity", [](RandomRequest& r) { r.inputs[0].elements<float>()[2] = kInfinity; }, options);
  return options;
}

class AtenOptionsTest : public ::testing::TestWithParam<Option> {};

INSTANTIATE_TEST_SUITE_P(Options, AtenOptionsTest, ::testing::ValuesIn(Options()),
                         [](const auto& option) { return option.param.name; });

TEST_P(AtenOptionsTest, AgreesWithTheTiles) {
  BufferPool pool(size_t{1} << 26);
  std::mt19937 random(9);
  RandomRequest request = MakeRequest(GetParam().loss, GetParam().inputs, random, pool);
  GetParam().change(request);
  EXPECT_LE(ExpectAgreesWithTiles(request, pool), 1);
}

TEST(AtenIntegersTest, SquaredNormAgreesWithTheTiles) {
  BufferPool pool(size_t{1} << 20);
  RandomRequest request;
  request.spec.loss = SquaredNormConfig{};
  request.spec.gradients.mode = GradientSelection::Mode::kNone;
  const int64_t wide[] = {int64_t{1} << 40, -3, 7};
  const int32_t narrow[] = {-100000, 5};
  const uint8_t bytes[] = {255, 0, 1, 2};
  const auto add = [&](std::string name, DType dtype, const auto& values) {
    const TensorSpec spec = {std::move(name), dtype, {static_cast<int64_t>(std::size(values))}};
    request.spec.inputs.push_back(spec);
    request.inputs.emplace_back(spec, pool.Allocate(sizeof(values)));
    std::memcpy(request.inputs.back().bytes(), values, sizeof(values));
  };
  add("x.0", DType::kInt64, wide);
  add("x.1", DType::kInt32, narrow);
  add("x.2", DType::kUint8, bytes);
  EXPECT_LE(ExpectAgreesWithTiles(request, pool), 1);
}

}  // namespace
}  // namespace lossd
