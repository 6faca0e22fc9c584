// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc_parameters.h"

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

// Brings taps of arranged weights back into the parameter's layout.
std::vector<float> Joined(absl::Span<const float* const> taps) {
  constexpr size_t kElements = kPixelCnnHidden * kPixelCnnHidden;
  std::vector<float> joined(kElements * taps.size());
  for (size_t t = 0; t < taps.size(); ++t) {
    for (size_t i = 0; i < kElements; ++i) joined[i * taps.size() + t] = taps[t][i];
  }
  return joined;
}

std::vector<float> ValuesOf(const CpcSeedParameters<float>& parameters, size_t index) {
  if (!parameters.values(index).empty()) return parameters.values(index);
  const auto& block = parameters.weights().context.blocks[(index - kContextParameters) / kBlockParameters];
  const bool across = (index - kContextParameters) % kBlockParameters == kAcrossWeight;
  return across ? Joined(block.across) : Joined(block.down);
}

TEST(CpcParametersTest, SeedsGiveTheBitsOfTorch) {
  for (const nlohmann::json& set : GoldenInitialisation()["sets"]) {
    const CpcSeedParameters<float> parameters(set["seed"], set["channels"], set["target_dim"]);
    for (size_t p = 0; p < kCpcParameters; ++p) {
      EXPECT_EQ(DigestOf(ValuesOf(parameters, p)), set["digests"][p].get<std::vector<uint64_t>>())
          << "seed " << set["seed"] << ", parameter " << p;
    }
  }
}

TEST(CpcParametersTest, DoublesAreTheWidenedFloats) {
  const CpcSeedParameters<float> narrow(3, 2, 5);
  const CpcSeedParameters<double> wide(3, 2, 5);
  for (size_t p = 0; p < kCpcParameters; ++p) {
    ASSERT_EQ(wide.values(p).size(), narrow.values(p).size());
    for (size_t i = 0; i < wide.values(p).size(); ++i) {
      ASSERT_EQ(wide.values(p)[i], static_cast<double>(narrow.values(p)[i]));
    }
  }
  EXPECT_EQ(wide.weights().context.blocks[4].across[2][77],
            static_cast<double>(narrow.weights().context.blocks[4].across[2][77]));
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

TEST(CpcParametersTest, CountsItsElements) {
  int64_t elements = 0;
  for (const TensorSpec& spec : CpcParameterSpecs(7, 9, DType::kFloat32)) elements += ElementCount(spec.shape);
  EXPECT_EQ(CpcParameterElements(7, 9), elements);
  EXPECT_GE(CpcSeedParameters<float>::Bytes(7, 9), 4 * elements);
}

}  // namespace
}  // namespace lossd
