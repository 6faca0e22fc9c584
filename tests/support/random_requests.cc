// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/random_requests.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "core/losses/loss_table.h"
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

// Values for the fields of a configuration, half of the time others than the defaults.
class FieldDrawer {
 public:
  explicit FieldDrawer(std::mt19937& random) : random_(random) {}

  void operator()(absl::string_view name, double& value, absl::string_view) {
    if (name == "margin")
      value = 0.01 * static_cast<double>(Between(random_, -10, 10));
    else if (name == "label_smoothing")
      value = Coin(random_) ? 0.1 : 0;
    else if (Coin(random_))
      value *= 0.5 + 0.1 * static_cast<double>(Between(random_, 0, 10));
  }
  void operator()(absl::string_view, bool& value, absl::string_view) { value = Coin(random_); }
  void operator()(absl::string_view, std::optional<double>& value, absl::string_view) {
    if (Coin(random_)) value = 0.5 + 0.1 * static_cast<double>(Between(random_, 0, 10));
  }
  void operator()(absl::string_view, MarginStrategy& value, absl::string_view) {
    value = Coin(random_) ? MarginStrategy::kAbsolute : MarginStrategy::kRelative;
  }
  void operator()(absl::string_view, std::optional<FalseNegatives>& value, absl::string_view) {
    if (Coin(random_)) FalseNegatives::Fields(value.emplace(), *this);
  }

 private:
  std::mt19937& random_;
};

// Extents of a description's symbols.
int64_t DrawExtent(std::mt19937& random, absl::string_view symbol) {
  if (symbol == "1") return 1;
  return symbol == "N" ? Between(random, 2, 300) : Between(random, 1, 40);
}

// Inputs as a loss describes them: those that are optional all or none, where the configuration takes them.
template <typename Config>
ComputeSpec DrawStated(std::mt19937& random, bool wide) {
  Config config;
  FieldDrawer drawer(random);
  Config::Fields(config, drawer);
  ComputeSpec spec;
  std::map<std::string, int64_t> extents;
  const bool optional = Coin(random);
  for (const LossInputDescription& input : Describe(config).inputs) {
    if (input.optional && !optional) continue;
    if constexpr (requires { config.false_negatives; }) {
      if (input.constant && !config.false_negatives.has_value()) continue;
    }
    if constexpr (requires { config.logit_scale; }) config.logit_scale = config.logit_bias = std::nullopt;
    Shape shape;
    for (const std::string& symbol : input.shape) {
      shape.push_back(extents.try_emplace(symbol, DrawExtent(random, symbol)).first->second);
    }
    if (input.shape == std::vector<std::string>{"1"} && Coin(random)) shape.clear();
    const DType dtype = input.integer ? (Coin(random) ? DType::kInt32 : DType::kInt64) : DrawDType(random, wide);
    absl::string_view name = input.name;
    if (absl::ConsumeSuffix(&name, "*")) {
      for (int i = 0; i < 2; ++i) spec.inputs.push_back({absl::StrCat(name, i), dtype, shape});
    } else {
      spec.inputs.push_back({input.name, dtype, shape});
    }
  }
  spec.loss = config;
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
    spec.gradients.names = {spec.inputs.front().name};
    if (std::holds_alternative<CpcConfig>(spec.loss)) spec.gradients.names.push_back("parameters.*");
  }
}

template <typename T>
void FillNormal(std::mt19937& random, const Tensor& tensor) {
  std::normal_distribution<T> normal;
  for (T& value : tensor.elements<T>()) value = normal(random);
}

template <typename T>
void FillLabels(std::mt19937& random, const Tensor& tensor) {
  for (T& value : tensor.elements<T>()) value = static_cast<T>(Between(random, 0, 9));
}

void Fill(std::mt19937& random, const Tensor& tensor) {
  switch (tensor.spec().dtype) {
    case DType::kInt32:
      return FillLabels<int32_t>(random, tensor);
    case DType::kInt64:
      return FillLabels<int64_t>(random, tensor);
    case DType::kFloat64:
      return FillNormal<double>(random, tensor);
    default:
      return FillNormal<float>(random, tensor);
  }
}

}  // namespace

RandomRequest DrawRequest(std::mt19937& random, BufferPool& pool) {
  return DrawRequestOf(static_cast<size_t>(Between(random, 0, kLossCount - 1)), random, pool);
}

RandomRequest DrawRequestOf(size_t loss, std::mt19937& random, BufferPool& pool) {
  const bool wide = Between(random, 0, 3) == 0;
  const auto draw = [&]<typename Config>(const Config&) {
    if constexpr (std::is_same_v<Config, FeatureMapContrastiveConfig>)
      return DrawFeatureMaps(random, wide);
    else if constexpr (std::is_same_v<Config, CpcConfig>)
      return DrawCpc(random, wide);
    else if constexpr (std::is_same_v<Config, SquaredNormConfig>)
      return DrawSquaredNorm(random, wide);
    else
      return DrawStated<Config>(random, wide);
  };
  RandomRequest request{std::visit(draw, DefaultLossConfig(loss)), {}};
  DrawGradients(random, request.spec);
  for (TensorSpec spec : request.spec.inputs) {
    spec.dtype = StorageDType(spec.dtype);
    const auto bytes = static_cast<size_t>(ByteSize(spec));
    const Tensor tensor(std::move(spec), pool.Allocate(bytes));
    Fill(random, tensor);
    request.inputs.push_back(tensor);
  }
  return request;
}

}  // namespace lossd::testing
