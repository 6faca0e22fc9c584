// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/response_encoder.h"

#include <cstdint>
#include <utility>

namespace lossd::wire {
namespace {

void AppendTensors(uint32_t number, absl::Span<const Tensor> tensors, MessageWriter& writer) {
  for (const Tensor& tensor : tensors) {
    const auto size = static_cast<size_t>(tensor.byte_size());
    writer.AppendTensor(number, tensor.spec(), absl::MakeConstSpan(tensor.bytes(), size),
                        [&] { return SliceOver(tensor.bytes(), size, tensor.buffer()); });
  }
}

}  // namespace

EncodedMessage EncodeResponse(const v1::ComputeResponse& header, absl::Span<const Tensor> outputs,
                              absl::Span<const Tensor> gradients) {
  MessageWriter writer;
  writer.AppendFields(header);
  AppendTensors(v1::ComputeResponse::kOutputsFieldNumber, outputs, writer);
  AppendTensors(v1::ComputeResponse::kGradientsFieldNumber, gradients, writer);
  return std::move(writer).Finish();
}

}  // namespace lossd::wire
