// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/cpc_weights.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

namespace lossd::aten {
namespace {

// All tensors in the order of the state_dict.
template <typename Weights>
auto InOrder(Weights& weights) {
  std::array<decltype(&weights.target), kCpcParameters> tensors;
  auto next = tensors.begin();
  for (auto* head : {&weights.target, &weights.target_bias, &weights.prediction, &weights.prediction_bias}) {
    *next++ = head;
  }
  for (auto& block : weights.context) {
    for (auto* tensor : {&block.entry, &block.entry_bias, &block.across, &block.across_bias, &block.down,
                         &block.down_bias, &block.exit, &block.exit_bias}) {
      *next++ = tensor;
    }
  }
  return tensors;
}

// Taps of `parameter`; 0 for a bias.
int64_t TapsOf(size_t parameter) {
  if (parameter % 2 == 1) return 0;
  if (parameter < kContextParameters) return 1;
  const size_t kind = (parameter - kContextParameters) % kBlockParameters;
  return kind == kAcrossWeight ? kAcrossTaps : kind == kDownWeight ? kDownTaps : 1;
}

// [G, out, in, taps] as [G, out, taps * in].
at::Tensor TapByTap(const at::Tensor& weight) { return weight.transpose(2, 3).flatten(2); }

// [G, out, taps * in] as [G, out, in, taps].
at::Tensor TapsLast(const at::Tensor& weight, int64_t taps) {
  return weight.view({weight.size(0), weight.size(1), taps, -1}).transpose(2, 3);
}

// A parameter [G, ...] of the state_dict as the products read it.
at::Tensor Arranged(const at::Tensor& values, size_t parameter) {
  return TapsOf(parameter) == 0 ? values : TapByTap(values.flatten(3));
}

}  // namespace

CpcWeightTensors StackSentWeights(Groups groups, const CpcPlan& plan, at::Device device) {
  CpcWeightTensors weights;
  const auto tensors = InOrder(weights);
  for (size_t p = 0; p < kCpcParameters; ++p) {
    *tensors[p] = Arranged(StackInput(groups, plan.parameters[p], device), p);
  }
  return weights;
}

CpcWeightTensors MakeSeedWeights(const CpcParameterKey& key, at::ScalarType type, at::Device device) {
  CpcWeightTensors weights;
  const auto tensors = InOrder(weights);
  auto drawn = DrawCpcParameters(key.seed, key.channels, key.dim);
  const std::vector<TensorSpec> specs = CpcParameterSpecs(key.channels, key.dim, DType::kFloat32);
  for (size_t p = 0; p < kCpcParameters; ++p) {
    const at::Tensor values =
        at::from_blob(drawn[p].data(), {specs[p].shape.data(), specs[p].shape.size()}, at::kFloat);
    *tensors[p] = Arranged(ToDevice(values.to(type, false, true), device).unsqueeze(0), p);
  }
  return weights;
}

int64_t BytesToMakeSeedWeights(int64_t channels, int64_t dim, DType dtype) {
  int64_t drawn = 0;
  int64_t largest = 0;
  for (const TensorSpec& spec : CpcParameterSpecs(channels, dim, DType::kFloat32)) {
    drawn += ByteSize(spec);
    largest = std::max(largest, ElementCount(spec.shape));
  }
  return drawn + largest * static_cast<int64_t>(SizeOf(dtype));
}

at::Tensor TimesFactors(const at::Tensor& gradient, const at::Tensor& factors) {
  if (!factors.defined()) return gradient;
  std::vector<int64_t> sizes(static_cast<size_t>(gradient.dim()), 1);
  sizes[0] = factors.size(0);
  return gradient * factors.view(sizes);
}

void WriteWeightGradients(Groups groups, const CpcPlan& plan, const CpcWeightTensors& gradients,
                          const at::Tensor& factors) {
  const auto tensors = InOrder(gradients);
  for (size_t p = 0; p < kCpcParameters; ++p) {
    const size_t index = plan.parameters[p];
    if (!tensors[p]->defined()) {
      WriteZeroGradient(groups, index);
    } else if (AnyWants(groups, index)) {
      const at::Tensor gradient = TimesFactors(*tensors[p], factors);
      WriteGradient(groups, index, TapsOf(p) > 1 ? TapsLast(gradient, TapsOf(p)) : gradient);
    }
  }
}

}  // namespace lossd::aten
