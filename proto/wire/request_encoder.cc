// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/request_encoder.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"
#include "proto/wire/limits.h"
#include "proto/wire/text_checks.h"

namespace lossd::wire {
namespace {

// Leaves room for what stands in a tensor besides its payload.
constexpr int64_t kMaxPayloadBytes = kMaxFieldBytes - kMaxHeaderBytes;

absl::StatusOr<size_t> PayloadBytes(const TensorSpec& spec, int64_t index) {
  const absl::StatusOr<int64_t> bytes = CheckedByteSize(spec.dtype, spec.shape);
  if (!bytes.ok()) return InvalidField(TensorPath("inputs", spec.name, index, ""), bytes.status().message());
  if (*bytes > kMaxPayloadBytes) {
    return InvalidField(TensorPath("inputs", spec.name, index, ".data"),
                        absl::StrCat("expected at most ", kMaxPayloadBytes, " bytes, got ", *bytes));
  }
  return static_cast<size_t>(*bytes);
}

grpc::Slice PayloadSlice(const BorrowedTensor& tensor, size_t size) {
  if (tensor.owner == nullptr) return grpc::Slice(tensor.elements, size, grpc::Slice::STATIC_SLICE);
  return SliceOver(tensor.elements, size, tensor.owner);
}

}  // namespace

absl::StatusOr<EncodedMessage> EncodeRequest(const v1::ComputeRequest& header,
                                             absl::Span<const BorrowedTensor> inputs) {
  MessageWriter writer;
  writer.AppendFields(header);
  for (size_t i = 0; i < inputs.size(); ++i) {
    LOSSD_ASSIGN_OR_RETURN(const size_t size, PayloadBytes(inputs[i].spec, static_cast<int64_t>(i)));
    writer.AppendTensor(v1::ComputeRequest::kInputsFieldNumber, inputs[i].spec,
                        absl::MakeConstSpan(inputs[i].elements, size), [&] { return PayloadSlice(inputs[i], size); });
  }
  return std::move(writer).Finish();
}

}  // namespace lossd::wire
