// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/widened_task.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/tensor/convert.h"

namespace lossd {
namespace {

// A tensor of the same shape for values of `tensor`: in float64 where those are floats, else the tensor itself.
Tensor MakeWide(const Tensor& tensor, BufferPool& pool) {
  if (tensor.spec().dtype != DType::kFloat32) return tensor;
  TensorSpec spec = {tensor.spec().name, DType::kFloat64, tensor.spec().shape};
  const auto bytes = static_cast<size_t>(ByteSize(spec));
  return Tensor(std::move(spec), pool.Allocate(bytes));
}

void Narrow(const Tensor& wide, const Tensor& to) {
  if (to.spec().dtype != DType::kFloat32) return;
  RoundTo(DType::kFloat64, wide.bytes(), DType::kFloat32, to.bytes(), to.element_count());
}

int64_t WideBytes(const Shape& shape) {
  return AlignedSize(ElementCount(shape) * static_cast<int64_t>(sizeof(double)));
}

}  // namespace

WidenedTask::WidenedTask(LossTask& task, BufferPool& pool) : task_(task), wide_(task) {
  for (const Tensor& input : task.inputs) {
    const Tensor& wide = inputs_.emplace_back(MakeWide(input, pool));
    if (input.spec().dtype == DType::kFloat32) {
      std::copy_n(input.data<float>(), input.element_count(), wide.data<double>());
    }
  }
  for (const Tensor& output : task.outputs) outputs_.push_back(MakeWide(output, pool));
  for (const Tensor& gradient : task.gradients) {
    gradients_.push_back(gradient.buffer() ? MakeWide(gradient, pool) : Tensor());
  }
  wide_.inputs = inputs_;
  wide_.outputs = absl::MakeSpan(outputs_);
  wide_.gradients = absl::MakeSpan(gradients_);
}

void WidenedTask::Finish() {
  task_.objective = wide_.objective;
  task_.status = wide_.status;
  for (size_t i = 0; i < outputs_.size(); ++i) Narrow(outputs_[i], task_.outputs[i]);
  for (size_t i = 0; i < gradients_.size(); ++i) {
    if (task_.gradients[i].buffer()) Narrow(gradients_[i], task_.gradients[i]);
  }
}

int64_t WidenedBytes(const ComputeSpec& request, const LossPlan& plan) {
  int64_t bytes = 0;
  for (const TensorSpec& input : request.inputs) bytes += 2 * WideBytes(input.shape);
  for (const TensorSpec& output : plan.outputs) bytes += WideBytes(output.shape);
  return bytes;
}

}  // namespace lossd
