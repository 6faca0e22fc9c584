// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/codec.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/grpc_status.h"
#include "client/cpp/messages.h"
#include "core/status/status_macros.h"
#include "proto/wire/payload.h"
#include "proto/wire/request_encoder.h"
#include "proto/wire/response_decoder.h"

namespace lossd::client {
namespace {

absl::Status CheckSize(const std::string& field, const TensorSpec& spec, size_t bytes) {
  const absl::StatusOr<int64_t> expected = CheckedByteSize(spec.dtype, spec.shape);
  if (!expected.ok()) return absl::InvalidArgumentError(absl::StrCat(field, ": ", expected.status().message()));
  if (static_cast<size_t>(*expected) == bytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": expected ", *expected, " bytes for ", ShapeText(spec.shape),
                                                 " of ", DTypeName(spec.dtype), ", got ", bytes));
}

// One of a year or more is none.
void SetTimeout(absl::Duration timeout, v1::ComputeRequest& header) {
  if (timeout >= absl::Hours(24 * 365)) return;
  absl::Duration rest;
  auto& message = *header.mutable_options()->mutable_timeout();
  message.set_seconds(absl::IDivDuration(timeout, absl::Seconds(1), &rest));
  message.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
}

const GradientTarget* TargetOf(const std::string& name, const std::vector<GradientTarget>& targets) {
  for (const GradientTarget& target : targets) {
    if (target.name == name) return &target;
  }
  return nullptr;
}

// Copies the tensors of one list, once each.
absl::Status Fetch(const std::vector<grpc::Slice>& slices, const wire::TensorTable& table,
                   const std::vector<GradientTarget>& targets, BufferPool& pool, std::vector<ResultTensor>& results) {
  for (size_t i = 0; i < table.specs.size(); ++i) {
    const TensorSpec& spec = table.specs[i];
    if (const GradientTarget* target = TargetOf(spec.name, targets)) {
      LOSSD_RETURN_IF_ERROR(CheckSize(absl::StrCat("gradient_targets[", spec.name, "]"), spec, target->memory.size()));
      wire::CopyPayload(slices, table.payloads[i], target->memory.data());
      results.emplace_back(spec, target->memory.data());
      continue;
    }
    Buffer buffer = pool.Allocate(static_cast<size_t>(ByteSize(spec)));
    wire::CopyPayload(slices, table.payloads[i], buffer.data());
    results.emplace_back(spec, std::move(buffer));
  }
  return absl::OkStatus();
}

absl::StatusOr<ComputeResponse> MakeResponse(const std::vector<grpc::Slice>& slices, wire::DecodedResponse& decoded,
                                             const std::vector<GradientTarget>& targets, BufferPool& pool) {
  LOSSD_RETURN_IF_ERROR(ToAbslStatus(decoded.header.status()));
  ComputeResponse response;
  response.request_id = decoded.header.request_id();
  response.objective = decoded.header.objective();
  response.nonfinite = {decoded.header.nonfinite().begin(), decoded.header.nonfinite().end()};
  if (decoded.header.has_timing()) response.timing = FromMessage(decoded.header.timing());
  LOSSD_RETURN_IF_ERROR(Fetch(slices, decoded.outputs, {}, pool, response.outputs));
  LOSSD_RETURN_IF_ERROR(Fetch(slices, decoded.gradients, targets, pool, response.gradients));
  return response;
}

}  // namespace

absl::StatusOr<grpc::ByteBuffer> EncodeRequest(const ComputeRequest& request, int64_t max_message_bytes,
                                               std::optional<absl::Duration> message_timeout, const PayloadHold& hold) {
  v1::ComputeRequest header = ToMessageWithoutInputs(request);
  if (message_timeout) SetTimeout(*message_timeout, header);
  std::vector<wire::BorrowedTensor> inputs;
  inputs.reserve(request.inputs.size());
  for (const InputTensor& input : request.inputs) {
    LOSSD_RETURN_IF_ERROR(CheckSize(absl::StrCat("inputs[", input.spec.name, "]"), input.spec, input.bytes.size()));
    inputs.push_back({input.spec, input.bytes.data(), input.owner ? input.owner : hold.owner()});
  }
  LOSSD_ASSIGN_OR_RETURN(wire::EncodedMessage message, wire::EncodeRequest(header, inputs));
  if (message.bytes > max_message_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat("request of ", message.bytes, " bytes exceeds ", max_message_bytes,
                                                     " (ClientOptions.max_message_bytes)"));
  }
  return grpc::ByteBuffer(message.slices.data(), message.slices.size());
}

absl::StatusOr<Answer> DecodeAnswer(
    const grpc::ByteBuffer& bytes, BufferPool& pool,
    absl::FunctionRef<const std::vector<GradientTarget>*(const std::string&)> targets_of) {
  std::vector<grpc::Slice> slices;
  if (!bytes.Dump(&slices).ok()) return absl::InternalError("the transport's answer cannot be read");
  LOSSD_ASSIGN_OR_RETURN(wire::DecodedResponse decoded, wire::DecodeResponse(slices));
  const std::string id = decoded.header.request_id();
  const std::vector<GradientTarget>* const targets = targets_of(id);
  if (targets == nullptr) return Answer{id, absl::NotFoundError("nobody waits for this answer")};
  return Answer{id, MakeResponse(slices, decoded, *targets, pool)};
}

}  // namespace lossd::client
