// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Products of rounded operands, and the losses that are made of them.

#include "core/losses/aten/products.h"

#include <ATen/ATen.h>

#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/losses/aten/aten_losses.h"
#include "gtest/gtest.h"
#include "tests/core/losses/aten/against_tiles.h"
#include "tests/support/loss_runs.h"
#include "tests/support/status_matchers.h"

namespace lossd::aten {
namespace {

using ::lossd::testing::AtenLosses;
using ::lossd::testing::Compute;
using ::lossd::testing::MakeRequest;
using ::lossd::testing::RandomRequest;
using ::lossd::testing::Values;

const Target kRounding{.precision = GemmPrecision::kBf16};

TEST(ProductsTest, OperandsAreRoundedWhereThatIsAskedForAndTheyAreFloat32) {
  const at::Tensor numbers = at::tensor({1.0, 1 + 1.0 / 1024});
  EXPECT_TRUE(Operand(kRounding, numbers).equal(numbers));
  EXPECT_TRUE(Operand(Target{}, numbers.to(at::kFloat)).equal(numbers.to(at::kFloat)));
  EXPECT_TRUE(Operand(kRounding, numbers.to(at::kFloat)).equal(at::ones({2}, at::kBFloat16)));
  EXPECT_EQ(OperandType(kRounding, at::kDouble), at::kDouble);
}

TEST(ProductsTest, ProductsAreThoseOfTheRoundedOperandsInFloat32) {
  at::manual_seed(1);
  const at::Tensor left = at::randn({2, 3, 16});
  const at::Tensor right = at::randn({2, 16, 5});
  const at::Tensor rounded = at::bmm(left.to(at::kBFloat16).to(at::kFloat), right.to(at::kBFloat16).to(at::kFloat));
  EXPECT_TRUE(Multiply(kRounding, left, right).equal(rounded));
  EXPECT_FALSE(Multiply(Target{}, left, right).equal(rounded));
  EXPECT_TRUE(Multiply(Target{}, left, right).equal(at::bmm(left, right)));
  const at::Tensor sum = at::ones({2, 3, 5});
  AddProduct(kRounding, sum, left, right);
  EXPECT_TRUE(at::allclose(sum, 1 + rounded, 1e-6, 1e-6));
}

// Ones behind a number next to which float32 has none.
TEST(ProductsTest, LongSumsAreFormedInShortRuns) {
  constexpr float kLarge = 1 << 24;
  at::Tensor terms = at::ones({1, 1, 100});
  terms[0][0][0] = kLarge;
  const at::Tensor ones = at::ones({1, 100, 300});
  EXPECT_GE(Multiply(Target{}, terms, ones).min().item<float>(), kLarge + 68);
  const at::Tensor sum = at::zeros({1, 1, 300});
  AddProduct(Target{}, sum, terms, ones, 2);
  EXPECT_GE(sum.min().item<float>(), 2 * (kLarge + 36));
}

// LOSSD_FOR_CARDS: whether this is the build for them, with its own LibTorch.
TEST(ProductsTest, TheLibTorchOfCardsHasThem) { EXPECT_TRUE(HasNarrowProducts() || LOSSD_FOR_CARDS == 0); }

struct Case {
  std::string name;
  LossConfig loss;
  std::vector<TensorSpec> inputs;
};

// Larger than what is computed in float64, where nothing is rounded.
std::vector<Case> Cases() {
  const std::vector<TensorSpec> views = {{"out_1", {}, {70, 16}}, {"out_2", {}, {70, 16}}};
  const std::vector<TensorSpec> twins = {{"z_1", {}, {70, 16}}, {"z_2", {}, {70, 16}}};
  const std::vector<TensorSpec> pairs = {{"image", {}, {70, 16}}, {"text", {}, {70, 16}}};
  FeatureMapContrastiveConfig maps;
  maps.comparisons = "00";
  maps.sampling = SamplingSeed{5, std::nullopt, 0, 0};
  ClipConfig clip;
  clip.normalize = true;
  SigLipConfig siglip;
  siglip.normalize = true;
  return {{"NtXent", NtXentConfig{.temperature = 4}, views},
          {"Dcl", DclConfig{}, views},
          {"SupCon", SupConConfig{}, {{"features", {}, {70, 16}}, {"labels", DType::kInt64, {70}}}},
          {"InfoNce", InfoNceConfig{}, {{"query", {}, {70, 16}}, {"key", {}, {70, 16}}}},
          {"Clip", clip, pairs},
          {"SigLip", siglip, pairs},
          {"Maps", maps, {{"anchor.0", {}, {6, 16, 3, 3}}, {"positive.0", {}, {6, 16, 3, 3}}}},
          {"Cpc", CpcConfig{}, {{"z", {}, {3, 8, 5, 5}}}},
          {"VicReg", VicRegConfig{}, twins},
          {"BarlowTwins", BarlowTwinsConfig{}, twins}};
}

const LossRegistry& RoundingLosses() {
  static const LossRegistry* losses = new LossRegistry(
      MakeAtenLosses("aten-cpu", {.parameter_cache_bytes = 1 << 24, .precision = GemmPrecision::kBf16}).value());
  return *losses;
}

class RoundedLossesTest : public ::testing::TestWithParam<Case> {
 protected:
  RandomRequest MakeCase() { return MakeRequest(GetParam().loss, GetParam().inputs, random_, pool_); }

  BufferPool pool_{size_t{1} << 24};
  std::mt19937 random_{4};
};

INSTANTIATE_TEST_SUITE_P(Losses, RoundedLossesTest, ::testing::ValuesIn(Cases()),
                         [](const auto& one) { return one.param.name; });

// The length of the gradients' difference over their length: bfloat16 has eight bits.
TEST_P(RoundedLossesTest, DifferFromFloat32ByWhatTheRoundingOfOperandsMakesOfThem) {
  const RandomRequest request = MakeCase();
  const auto rounded = Compute(RoundingLosses(), {request}, pool_);
  const auto exact = Compute(AtenLosses(), {request}, pool_);
  ASSERT_OK(rounded[0]);
  ASSERT_OK(exact[0]);
  EXPECT_NEAR(rounded[0]->objective, exact[0]->objective, 1e-2 * std::abs(exact[0]->objective));
  double difference = 0;
  double length = 0;
  for (size_t i = 0; i < exact[0]->gradients.size(); ++i) {
    const std::vector<double> got = Values(rounded[0]->gradients[i]);
    const std::vector<double> expected = Values(exact[0]->gradients[i]);
    for (size_t e = 0; e < got.size(); ++e) {
      difference += (got[e] - expected[e]) * (got[e] - expected[e]);
      length += expected[e] * expected[e];
    }
  }
  EXPECT_GT(difference, 0);
  EXPECT_LE(std::sqrt(difference / length), 0.03);
}

TEST_P(RoundedLossesTest, HaveEqualBytesAloneAndBatched) {
  const RandomRequest request = MakeCase();
  const auto together = Compute(RoundingLosses(), {request, MakeCase(), MakeCase()}, pool_);
  const auto alone = Compute(RoundingLosses(), {request}, pool_);
  ASSERT_OK(together[0]);
  EXPECT_EQ(together[0]->objective, alone[0]->objective);
  for (size_t i = 0; i < alone[0]->gradients.size(); ++i) {
    EXPECT_EQ(Values(together[0]->gradients[i]), Values(alone[0]->gradients[i]));
  }
}

// Log-sum-exps are float32 whatever operands are: where rounding changes no operand the loss is that of float32.
TEST(RoundedSumsTest, AreNotRounded) {
  BufferPool pool(size_t{1} << 20);
  std::mt19937 random(5);
  const RandomRequest request =
      MakeRequest(NtXentConfig{}, {{"out_1", {}, {200, 8}}, {"out_2", {}, {200, 8}}}, random, pool);
  for (const Tensor& input : request.inputs) {
    for (float& element : input.elements<float>()) element = std::round(32 * element) / 64;
  }
  const auto rounded = Compute(RoundingLosses(), {request}, pool);
  const auto exact = Compute(AtenLosses(), {request}, pool);
  ASSERT_OK(rounded[0]);
  EXPECT_NEAR(rounded[0]->objective, exact[0]->objective, 1e-6 * exact[0]->objective);
}

}  // namespace
}  // namespace lossd::aten
