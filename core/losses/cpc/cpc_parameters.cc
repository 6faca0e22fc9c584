// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/cpc_parameters.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/random/torch_generator.h"

namespace lossd {
namespace {

// What parameter `index` is.
TensorSpec SpecOf(size_t index, int64_t channels, int64_t dim) {
  constexpr int64_t kHidden = kPixelCnnHidden;
  const char* kind = index % 2 == 0 ? ".weight" : ".bias";
  if (index < kContextParameters) {
    const char* layer = index < kPredictionWeight ? "target_cnn" : "pred_cnn";
    return {absl::StrCat("parameters.", layer, kind), {}, index % 2 == 0 ? Shape{dim, channels, 1, 1} : Shape{dim}};
  }
  const size_t block = (index - kContextParameters) / kBlockParameters;
  const size_t parameter = (index - kContextParameters) % kBlockParameters;
  static const Shape kTaps[] = {{1, 1}, {1, 3}, {2, 1}, {1, 1}};
  const int64_t out = parameter >= kExitWeight ? channels : kHidden;
  Shape shape = {out};
  if (index % 2 == 0) {
    shape.push_back(parameter == kEntryWeight ? channels : kHidden);
    shape.insert(shape.end(), kTaps[parameter / 2].begin(), kTaps[parameter / 2].end());
  }
  return {absl::StrCat("parameters.context_cnn.blocks.", block, ".", parameter / 2 * 2, kind), {}, shape};
}

// torch's default bound for a layer with this fan-in.
float BoundOf(const Shape& shape, int64_t fan_in) {
  const double root = std::sqrt(static_cast<double>(fan_in));
  const double gain = std::sqrt(2.0 / (1.0 + std::sqrt(5.0) * std::sqrt(5.0)));
  return static_cast<float>(shape.size() == 4 ? std::sqrt(3.0) * (gain / root) : 1.0 / root);
}

// Whether arranged weights refer to the parameter itself: all biases, and the exits' weights.
bool IsBorrowed(size_t index) {
  const bool exit = index >= kContextParameters && (index - kContextParameters) % kBlockParameters == kExitWeight;
  return index % 2 == 1 || exit;
}

// All weights, each in memory of its own.
template <typename T>
CpcWeights<T> TakeAllWeights(int64_t channels, int64_t dim, absl::Span<const T* const> parameters,
                             GemmPrecision precision, Workspace& workspace) {
  CpcWeights<T> weights = TakeProjections(channels, dim, parameters, precision, workspace);
  weights.context =
      TakePixelCnnWeights(channels, parameters.subspan(kContextParameters), BlockMemory::kOwn, precision, workspace);
  return weights;
}

}  // namespace

std::vector<TensorSpec> CpcParameterSpecs(int64_t channels, int64_t dim, DType dtype) {
  std::vector<TensorSpec> specs(kCpcParameters);
  for (size_t i = 0; i < kCpcParameters; ++i) {
    specs[i] = SpecOf(i, channels, dim);
    specs[i].dtype = dtype;
  }
  return specs;
}

template <typename T>
CpcWeights<T> TakeProjections(int64_t channels, int64_t dim, absl::Span<const T* const> parameters,
                              GemmPrecision precision, Workspace& workspace) {
  return {.target = TakePackedWeight<T>(channels, dim, precision, workspace),
          .prediction = TakePackedWeight<T>(channels, dim, precision, workspace),
          .target_bias = parameters[kTargetBias],
          .prediction_bias = parameters[kPredictionBias],
          .context = {}};
}

template <typename T>
void PackProjections(absl::Span<const T* const> parameters, const CpcWeights<T>& weights) {
  for (const Way way : {Way::kForward, Way::kBackward}) {
    FillPackedWeight(parameters[kTargetWeight], way, weights.target);
    FillPackedWeight(parameters[kPredictionWeight], way, weights.prediction);
  }
}

DrawnCpcParameters DrawCpcParameters(uint64_t seed, int64_t channels, int64_t dim) {
  return *DrawCpcParametersUnless([] { return false; }, seed, channels, dim);
}

std::optional<DrawnCpcParameters> DrawCpcParametersUnless(absl::FunctionRef<bool()> stopped, uint64_t seed,
                                                          int64_t channels, int64_t dim) {
  constexpr size_t kValuesAtOnce = 8192;
  TorchGenerator generator(seed);
  const std::vector<TensorSpec> specs = CpcParameterSpecs(channels, dim, DType::kFloat32);
  DrawnCpcParameters parameters;
  int64_t fan_in = 0;
  for (size_t i = 0; i < kCpcParameters; ++i) {
    const Shape& shape = specs[i].shape;
    if (shape.size() == 4) fan_in = shape[1] * shape[2] * shape[3];
    const float bound = BoundOf(shape, fan_in);
    const auto count = static_cast<size_t>(ElementCount(shape));
    parameters[i].reserve(count);
    while (parameters[i].size() < count) {
      if (stopped()) return std::nullopt;
      const size_t end = std::min(count, parameters[i].size() + kValuesAtOnce);
      while (parameters[i].size() < end) parameters[i].push_back(generator.Uniform(-bound, bound));
    }
  }
  return parameters;
}

template <typename T>
CpcSeedParameters<T>::CpcSeedParameters(uint64_t seed, int64_t channels, int64_t dim, GemmPrecision precision,
                                        Parallel& parallel)
    : CpcSeedParameters(DrawCpcParameters(seed, channels, dim), channels, dim, precision, parallel) {}

template <typename T>
CpcSeedParameters<T>::CpcSeedParameters(DrawnCpcParameters drawn, int64_t channels, int64_t dim,
                                        GemmPrecision precision, Parallel& parallel) {
  std::array<const T*, kCpcParameters> pointers;
  for (size_t i = 0; i < kCpcParameters; ++i) {
    if constexpr (std::is_same_v<T, float>) {
      values_[i] = std::move(drawn[i]);
    } else {
      values_[i].assign(drawn[i].begin(), drawn[i].end());
      std::vector<float>().swap(drawn[i]);
    }
    pointers[i] = values_[i].data();
  }
  Workspace sizing(nullptr);
  TakeAllWeights<T>(channels, dim, pointers, precision, sizing);
  arranged_.resize(static_cast<size_t>(sizing.bytes()) + kBufferAlignment);
  const size_t misaligned = reinterpret_cast<uintptr_t>(arranged_.data()) % kBufferAlignment;
  Workspace workspace(arranged_.data() + (kBufferAlignment - misaligned) % kBufferAlignment);
  std::vector<T> scratch(kArrangeScratchElements);
  weights_ = TakeAllWeights<T>(channels, dim, pointers, precision, workspace);
  PackProjections<T>(pointers, weights_);
  PackPixelCnnWeights(weights_.context, scratch.data(), parallel);
  for (size_t i = 0; i < kCpcParameters; ++i) {
    if (!IsBorrowed(i)) std::vector<T>().swap(values_[i]);
  }
}

template <typename T>
int64_t CpcSeedParameters<T>::BytesToMake(int64_t channels, int64_t dim) {
  int64_t arranged = 0;
  int64_t all = 0;
  const std::vector<TensorSpec> specs = CpcParameterSpecs(channels, dim, DType::kFloat32);
  for (size_t i = 0; i < kCpcParameters; ++i) {
    all += ElementCount(specs[i].shape);
    arranged += IsBorrowed(i) ? 0 : ElementCount(specs[i].shape);
  }
  const int64_t narrow = std::is_same_v<T, float> ? 0 : all * static_cast<int64_t>(sizeof(float));
  return arranged * static_cast<int64_t>(sizeof(T)) + narrow +
         kArrangeScratchElements * static_cast<int64_t>(sizeof(T));
}

template <typename T>
int64_t CpcSeedParameters<T>::Bytes(int64_t channels, int64_t dim) {
  Workspace counter(nullptr);
  const std::array<const T*, kCpcParameters> none{};
  TakeAllWeights<T>(channels, dim, none, GemmPrecision::kFloat32, counter);
  int64_t borrowed = 0;
  const std::vector<TensorSpec> specs = CpcParameterSpecs(channels, dim, DType::kFloat32);
  for (size_t i = 0; i < kCpcParameters; ++i) borrowed += IsBorrowed(i) ? ElementCount(specs[i].shape) : 0;
  return counter.bytes() + borrowed * static_cast<int64_t>(sizeof(T));
}

template CpcWeights<float> TakeProjections(int64_t, int64_t, absl::Span<const float* const>, GemmPrecision, Workspace&);
template CpcWeights<double> TakeProjections(int64_t, int64_t, absl::Span<const double* const>, GemmPrecision,
                                            Workspace&);
template void PackProjections(absl::Span<const float* const>, const CpcWeights<float>&);
template void PackProjections(absl::Span<const double* const>, const CpcWeights<double>&);
template class CpcSeedParameters<float>;
template class CpcSeedParameters<double>;

}  // namespace lossd
