// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/group_tensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace lossd::aten {
namespace {

at::IntArrayRef Sizes(const Shape& shape) { return {shape.data(), shape.size()}; }

}  // namespace

at::ScalarType ScalarTypeOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
      return at::kDouble;
    case DType::kInt32:
      return at::kInt;
    case DType::kInt64:
      return at::kLong;
    case DType::kUint8:
      return at::kByte;
    case DType::kFloat16:
      return at::kHalf;
    case DType::kBFloat16:
      return at::kBFloat16;
    default:
      return at::kFloat;
  }
}

at::Tensor OverMemory(const Tensor& tensor) {
  return at::from_blob(tensor.bytes(), Sizes(tensor.spec().shape), ScalarTypeOf(tensor.spec().dtype));
}

at::Tensor StackInput(Groups groups, size_t input, at::Device device) {
  if (const DevicePass* const pass = DevicePass::Current()) return pass->Input(groups, input);
  const at::Tensor first = OverMemory(groups[0]->inputs[input]);
  if (device.is_cpu() && groups.size() == 1) return first.unsqueeze(0);
  std::vector<int64_t> sizes = {static_cast<int64_t>(groups.size())};
  sizes.insert(sizes.end(), first.sizes().begin(), first.sizes().end());
  at::Tensor stacked = at::empty(sizes, first.options().device(device));
  for (size_t g = 0; g < groups.size(); ++g) {
    stacked.select(0, static_cast<int64_t>(g)).copy_(OverMemory(groups[g]->inputs[input]));
  }
  return stacked;
}

at::Tensor StackInputAsSent(Groups groups, size_t input, at::Device device) {
  const DevicePass* const pass = DevicePass::Current();
  return pass != nullptr ? pass->InputAsSent(groups, input) : StackInput(groups, input, device);
}

at::Tensor StackNumbers(Groups groups, absl::FunctionRef<double(const LossTask&)> number, at::ScalarType type,
                        at::Device device) {
  at::Tensor numbers = at::empty({static_cast<int64_t>(groups.size())}, at::kDouble);
  std::transform(groups.begin(), groups.end(), numbers.data_ptr<double>(),
                 [&](const LossTask* task) { return number(*task); });
  const double* const first = numbers.data_ptr<double>();
  if (std::all_of(first, first + groups.size(), [first](double one) { return one == *first; })) {
    return at::full({numbers.size(0)}, *first, at::TensorOptions(type).device(device));  // Copies nothing.
  }
  return ToDevice(numbers.to(type), device);
}

at::Tensor ToDevice(const at::Tensor& host, at::Device device) {
  DevicePass* const pass = DevicePass::Current();
  return pass == nullptr ? host.to(device) : pass->SendUp(host);
}

void WhenOnHost(Groups groups, const at::Tensor& values, DevicePass::HostCallback callback) {
  DevicePass* const pass = DevicePass::Current();
  if (pass != nullptr) return pass->BringDown(groups, values, std::move(callback));
  callback(values.cpu());
}

bool AnyWants(Groups groups, size_t index) {
  return std::any_of(groups.begin(), groups.end(),
                     [index](const LossTask* task) { return static_cast<bool>(task->gradients[index].buffer()); });
}

void WriteGradient(Groups groups, size_t index, const at::Tensor& gradient, const at::Tensor& squares) {
  if (DevicePass* const pass = DevicePass::Current()) return pass->WriteGradient(groups, index, gradient, squares);
  for (size_t g = 0; g < groups.size(); ++g) {
    const Tensor& to = groups[g]->gradients[index];
    if (!to.buffer()) continue;
    const at::Tensor from = gradient.select(0, static_cast<int64_t>(g));
    OverMemory(to).view(from.sizes()).copy_(from);
  }
}

void WriteZeroGradient(Groups groups, size_t index) {
  if (const DevicePass* const pass = DevicePass::Current()) return pass->WriteZeroGradient(groups, index);
  for (const LossTask* task : groups) {
    const Tensor& to = task->gradients[index];
    if (to.buffer()) std::memset(to.bytes(), 0, static_cast<size_t>(to.byte_size()));
  }
}

void WriteOutput(Groups groups, size_t index, const at::Tensor& output) {
  for (size_t g = 0; g < groups.size(); ++g) {
    OverMemory(groups[g]->outputs[index]).copy_(output.select(0, static_cast<int64_t>(g)));
  }
}

bool AllCancelled(Groups groups) {
  return std::all_of(groups.begin(), groups.end(), [](const LossTask* task) { return task->IsCancelled(); });
}

}  // namespace lossd::aten
