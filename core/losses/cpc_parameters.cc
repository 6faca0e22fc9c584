// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc_parameters.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

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

}  // namespace

std::vector<TensorSpec> CpcParameterSpecs(int64_t channels, int64_t dim, DType dtype) {
  std::vector<TensorSpec> specs(kCpcParameters);
  for (size_t i = 0; i < kCpcParameters; ++i) {
    specs[i] = SpecOf(i, channels, dim);
    specs[i].dtype = dtype;
  }
  return specs;
}

int64_t CpcParameterElements(int64_t channels, int64_t dim) {
  constexpr int64_t kHidden = kPixelCnnHidden;
  const int64_t block = 2 * channels * kHidden + (kAcrossTaps + kDownTaps) * kHidden * kHidden + 3 * kHidden + channels;
  return 2 * dim * (channels + 1) + kPixelCnnBlocks * block;
}

template <typename T>
CpcWeights<T> ArrangeCpcWeights(int64_t channels, absl::Span<const T* const> parameters, Workspace& workspace) {
  return {.target = parameters[kTargetWeight],
          .target_bias = parameters[kTargetBias],
          .prediction = parameters[kPredictionWeight],
          .prediction_bias = parameters[kPredictionBias],
          .context = ArrangePixelCnnWeights(channels, parameters.subspan(kContextParameters), workspace)};
}

std::vector<float> DrawCpcParameter(const Shape& shape, int64_t fan_in, TorchGenerator& generator) {
  const double root = std::sqrt(static_cast<double>(fan_in));
  const double gain = std::sqrt(2.0 / (1.0 + std::sqrt(5.0) * std::sqrt(5.0)));
  const auto bound = static_cast<float>(shape.size() == 4 ? std::sqrt(3.0) * (gain / root) : 1.0 / root);
  std::vector<float> values(static_cast<size_t>(ElementCount(shape)));
  for (float& value : values) value = generator.Uniform(-bound, bound);
  return values;
}

template <typename T>
CpcSeedParameters<T>::CpcSeedParameters(uint64_t seed, int64_t channels, int64_t dim) {
  TorchGenerator generator(seed);
  const std::vector<TensorSpec> specs = CpcParameterSpecs(channels, dim, DType::kFloat32);
  std::array<const T*, kCpcParameters> pointers;
  int64_t fan_in = 0;
  for (size_t i = 0; i < kCpcParameters; ++i) {
    const Shape& shape = specs[i].shape;
    if (shape.size() == 4) fan_in = shape[1] * shape[2] * shape[3];
    const std::vector<float> values = DrawCpcParameter(shape, fan_in, generator);
    values_[i].assign(values.begin(), values.end());
    pointers[i] = values_[i].data();
  }
  Workspace sizing(nullptr);
  ArrangeCpcWeights<T>(channels, pointers, sizing);
  arranged_.resize(static_cast<size_t>(sizing.bytes()) + kBufferAlignment);
  const size_t misaligned = reinterpret_cast<uintptr_t>(arranged_.data()) % kBufferAlignment;
  Workspace workspace(arranged_.data() + (kBufferAlignment - misaligned) % kBufferAlignment);
  weights_ = ArrangeCpcWeights<T>(channels, pointers, workspace);
  for (size_t i = kContextParameters; i < kCpcParameters; ++i) {
    const size_t parameter = (i - kContextParameters) % kBlockParameters;
    if (parameter == kAcrossWeight || parameter == kDownWeight) std::vector<T>().swap(values_[i]);
  }
}

template <typename T>
int64_t CpcSeedParameters<T>::Bytes(int64_t channels, int64_t dim) {
  const int64_t sums = kPixelCnnBlocks * (kPixelCnnHidden + channels);
  return (CpcParameterElements(channels, dim) + sums) * static_cast<int64_t>(sizeof(T));
}

template CpcWeights<float> ArrangeCpcWeights(int64_t, absl::Span<const float* const>, Workspace&);
template CpcWeights<double> ArrangeCpcWeights(int64_t, absl::Span<const double* const>, Workspace&);
template class CpcSeedParameters<float>;
template class CpcSeedParameters<double>;

}  // namespace lossd
