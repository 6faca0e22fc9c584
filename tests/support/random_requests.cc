// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/random_requests.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/tensor/tensor_spec.h"

namespace lossd::testing {
namespace {

int64_t Between(std::mt19937& random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

bool Coin(std::mt19937& random) { return Between(random, 0, 1) == 1; }

// FLOAT64 for the whole request, or a narrower type for each input.
DType DrawDType(std::mt19937& random, bool wide) {
  constexpr DType kNarrow[] = {DType::kFloat32, DType::kFloat32, DType::kFloat16, DType::kBFloat16};
  return wide ? DType::kFloat64 : kNarrow[Between(random, 0, 3)];
}

ComputeSpec DrawFeatureMaps(std::mt19937& random, bool wide) {
  FeatureMapContrastiveConfig config;
  constexpr const char* kComparisons[] = {"00", "00, 11", "01, 11", "0r, r1", "10"};
  config.comparisons = kComparisons[Between(random, 0, 4)];
  config.bidirectional = Coin(random);
  config.share_source_samples = Coin(random);
  if (Coin(random)) config.tclip = std::ldexp(1.0, static_cast<int>(Between(random, -1, 8)));
  config.sampling = SamplingSeed{static_cast<uint64_t>(random()), std::nullopt, 0, 0};
  ComputeSpec spec;
  const int64_t batch = Between(random, 1, 17);
  const int64_t channels = Between(random, 1, 33);
  for (const char* side : {"anchor", "positive"}) {
    for (int map = 0; map < 2; ++map) {
      spec.inputs.push_back({absl::StrCat(side, ".", map),
                             DrawDType(random, wide),
                             {batch, channels, Between(random, 1, 7), Between(random, 1, 7)}});
    }
  }
  spec.loss = std::move(config);
  return spec;
}

ComputeSpec DrawCpc(std::mt19937& random, bool wide) {
  CpcConfig config;
  config.target_dim = static_cast<int32_t>(Between(random, 1, 20));
  config.init_seed = static_cast<uint64_t>(Between(random, 0, 1));
  config.embed_scale = 0.5;
  if (Coin(random)) config.step_weighting = StepWeighting::kUniform;
  ComputeSpec spec;
  spec.loss = config;
  // Few shapes, so that batches form.
  spec.inputs = {{"z", DrawDType(random, wide), {Between(random, 1, 2), 4, Between(random, 3, 4), 5}}};
  return spec;
}

ComputeSpec DrawNtXent(std::mt19937& random, bool wide) {
  ComputeSpec spec;
  spec.loss = NtXentConfig{Coin(random) ? 0.5 : 0.07};
  const Shape shape = {Between(random, 1, 300), Between(random, 1, 40)};
  spec.inputs = {{"out_1", DrawDType(random, wide), shape}, {"out_2", DrawDType(random, wide), shape}};
  return spec;
}

ComputeSpec DrawSquaredNorm(std::mt19937& random, bool wide) {
  ComputeSpec spec;
  spec.loss = SquaredNormConfig{};
  for (int i = 0; i < 3; ++i) {
    spec.inputs.push_back({absl::StrCat("x.", i), DrawDType(random, wide), {Between(random, 0, 5000)}});
  }
  return spec;
}

void DrawGradients(std::mt19937& random, ComputeSpec& spec) {
  constexpr DType kTypes[] = {DType::kFloat16, DType::kBFloat16, DType::kFloat32, DType::kFloat64};
  if (Between(random, 0, 3) == 0) spec.gradients.dtype = kTypes[Between(random, 0, 3)];
  if (Between(random, 0, 3) == 0) spec.gradients.scale = 1024;
  if (Between(random, 0, 3) == 0) {
    spec.gradients.mode = GradientSelection::Mode::kNamed;
    spec.gradients.names = {spec.inputs.back().name};
    if (std::holds_alternative<CpcConfig>(spec.loss)) spec.gradients.names.push_back("parameters.*");
  }
}

template <typename T>
void FillNormal(std::mt19937& random, const Tensor& tensor) {
  std::normal_distribution<T> normal;
  for (T& value : tensor.elements<T>()) value = normal(random);
}

}  // namespace

RandomRequest DrawRequest(std::mt19937& random, BufferPool& pool) {
  constexpr ComputeSpec (*kDraws[])(std::mt19937&, bool) = {DrawFeatureMaps, DrawCpc, DrawNtXent, DrawSquaredNorm};
  const bool wide = Between(random, 0, 3) == 0;
  RandomRequest request{kDraws[Between(random, 0, 3)](random, wide), {}};
  DrawGradients(random, request.spec);
  for (TensorSpec spec : request.spec.inputs) {
    spec.dtype = StorageDType(spec.dtype);
    const auto bytes = static_cast<size_t>(ByteSize(spec));
    const Tensor tensor(std::move(spec), pool.Allocate(bytes));
    wide ? FillNormal<double>(random, tensor) : FillNormal<float>(random, tensor);
    request.inputs.push_back(tensor);
  }
  return request;
}

}  // namespace lossd::testing
