// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/cpc_parameters.h"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "nlohmann/json.hpp"

namespace lossd {
namespace {

nlohmann::json GoldenInitialisation() {
  const char* source = std::getenv("LOSSD_SOURCE_DIR");
  std::ifstream file(std::string(source == nullptr ? "." : source) + "/tests/golden/cpc_init/case.json");
  return nlohmann::json::parse(file);
}

// The digests of case.json: exclusive or of the words, and their sum weighted by position.
std::vector<uint64_t> DigestOf(const std::vector<float>& values) {
  uint64_t parity = 0;
  uint64_t sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    uint32_t word = 0;
    std::memcpy(&word, &values[i], sizeof(word));
    parity ^= word;
    sum += word * (i + 1);
  }
  return {parity, sum};
}

TEST(CpcParametersTest, SeedsGiveTheBitsOfTorch) {
  const nlohmann::json golden = GoldenInitialisation();
  for (const nlohmann::json& set : golden["sets"]) {
    const auto parameters = DrawCpcParameters(set["seed"], set["channels"], set["target_dim"]);
    for (size_t p = 0; p < kCpcParameters; ++p) {
      EXPECT_EQ(DigestOf(parameters[p]), set["digests"][p].get<std::vector<uint64_t>>())
          << "seed " << set["seed"] << ", parameter " << p;
    }
  }
}

TEST(CpcParametersTest, DoublesAreTheWidenedFloats) {
  Serial serial;
  const auto drawn = DrawCpcParameters(3, 2, 5);
  const CpcSeedParameters<float> narrow(3, 2, 5, GemmPrecision::kFloat32, serial);
  const CpcSeedParameters<double> wide(3, 2, 5, GemmPrecision::kFloat32, serial);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(narrow.weights().target_bias[i], drawn[kTargetBias][i]);
    EXPECT_EQ(wide.weights().target_bias[i], static_cast<double>(drawn[kTargetBias][i]));
  }
  const std::vector<float>& exit = drawn[kContextParameters + 4 * kBlockParameters + kExitWeight];
  for (size_t i = 0; i < exit.size(); ++i) {
    EXPECT_EQ(narrow.weights().context.blocks[4].parameters[kExitWeight][i], exit[i]);
    EXPECT_EQ(wide.weights().context.blocks[4].parameters[kExitWeight][i], static_cast<double>(exit[i]));
  }
}

// What was packed multiplies as the parameter would.
TEST(CpcParametersTest, ArrangedWeightsAreThoseDrawn) {
  Serial serial;
  const auto drawn = DrawCpcParameters(3, 2, 5);
  const CpcSeedParameters<float> parameters(3, 2, 5, GemmPrecision::kFloat32, serial);
  std::vector<float> unit(kPixelCnnHidden);
  unit[9] = 1;
  std::vector<float> product(kPixelCnnHidden);
  Convolve(unit.data(), 1, parameters.weights().context.blocks[1].across[2], false, product.data());
  const std::vector<float>& across = drawn[kContextParameters + kBlockParameters + kAcrossWeight];
  for (size_t o = 0; o < product.size(); ++o) EXPECT_EQ(product[o], across[(o * kPixelCnnHidden + 9) * 3 + 2]);
  ConvolveBack(unit.data(), 1, parameters.weights().context.blocks[1].down[1], false, product.data());
  const std::vector<float>& down = drawn[kContextParameters + kBlockParameters + kDownWeight];
  for (size_t i = 0; i < product.size(); ++i) EXPECT_EQ(product[i], down[(9 * kPixelCnnHidden + i) * 2 + 1]);
  Convolve(unit.data() + 9, 1, parameters.weights().target, false, product.data());
  for (size_t d = 0; d < 5; ++d) EXPECT_EQ(product[d], drawn[kTargetWeight][d * 2]);
}

TEST(CpcParametersTest, NamesAndShapesAreThoseOfTheStateDict) {
  const std::vector<TensorSpec> specs = CpcParameterSpecs(7, 9, DType::kFloat64);
  ASSERT_EQ(specs.size(), 44);
  EXPECT_EQ(specs[0], (TensorSpec{"parameters.target_cnn.weight", DType::kFloat64, {9, 7, 1, 1}}));
  EXPECT_EQ(specs[1], (TensorSpec{"parameters.target_cnn.bias", DType::kFloat64, {9}}));
  EXPECT_EQ(specs[2].name, "parameters.pred_cnn.weight");
  EXPECT_EQ(specs[3].name, "parameters.pred_cnn.bias");
  EXPECT_EQ(specs[4], (TensorSpec{"parameters.context_cnn.blocks.0.0.weight", DType::kFloat64, {256, 7, 1, 1}}));
  EXPECT_EQ(specs[6], (TensorSpec{"parameters.context_cnn.blocks.0.2.weight", DType::kFloat64, {256, 256, 1, 3}}));
  EXPECT_EQ(specs[8], (TensorSpec{"parameters.context_cnn.blocks.0.4.weight", DType::kFloat64, {256, 256, 2, 1}}));
  EXPECT_EQ(specs[9], (TensorSpec{"parameters.context_cnn.blocks.0.4.bias", DType::kFloat64, {256}}));
  EXPECT_EQ(specs[42], (TensorSpec{"parameters.context_cnn.blocks.4.6.weight", DType::kFloat64, {7, 256, 1, 1}}));
  EXPECT_EQ(specs[43], (TensorSpec{"parameters.context_cnn.blocks.4.6.bias", DType::kFloat64, {7}}));
}

TEST(CpcParametersTest, CountsItsBytes) {
  int64_t elements = 0;
  for (const TensorSpec& spec : CpcParameterSpecs(64, 64, DType::kFloat32)) elements += ElementCount(spec.shape);
  EXPECT_GE(CpcSeedParameters<float>::Bytes(64, 64), 4 * 2 * elements) << "packed for both directions";
  EXPECT_LE(CpcSeedParameters<float>::Bytes(64, 64), 4 * 2 * elements * 11 / 10);
  EXPECT_GE(CpcSeedParameters<float>::BytesToMake(64, 64), 4 * elements * 9 / 10) << "all but what is lent";
  EXPECT_LE(CpcSeedParameters<float>::BytesToMake(64, 64), 4 * elements * 12 / 10);
  EXPECT_GE(CpcSeedParameters<double>::BytesToMake(64, 64), (8 * 9 / 10 + 4) * elements);
}

}  // namespace
}  // namespace lossd
