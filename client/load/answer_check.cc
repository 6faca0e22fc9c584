// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/answer_check.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "client/load/core_request.h"
#include "core/status/status_macros.h"
#include "core/tile_backend.h"
#include "proto/wire/payload.h"
#include "proto/wire/request_decoder.h"
#include "proto/wire/response_decoder.h"

namespace lossd::load {
namespace {

absl::StatusOr<ComputeResult> ComputeHere(const client::ComputeRequest& request, const LoadRequest& encoded) {
  LOSSD_ASSIGN_OR_RETURN(wire::DecodedRequest decoded, wire::DecodeRequest(encoded.slices()));
  LOSSD_ASSIGN_OR_RETURN(const auto backend, CreateTileBackend({}));
  ComputeTask task;
  LOSSD_ASSIGN_OR_RETURN(task.plan, backend->Prepare(ToCoreRequest(request, decoded.specs)));
  for (size_t i = 0; i < decoded.specs.size(); ++i) {
    const TensorSpec& stored = task.plan->inputs[i];
    task.inputs.emplace_back(stored, backend->pool().Allocate(static_cast<size_t>(ByteSize(stored))));
    wire::GatherPayload(encoded.slices(), decoded.payloads[i], decoded.specs[i].dtype, task.inputs.back().bytes());
  }
  absl::StatusOr<ComputeResult> result;
  absl::Notification finished;
  task.done = [&](absl::StatusOr<ComputeResult> computed) {
    result = std::move(computed);
    finished.Notify();
  };
  backend->Submit(std::move(task));
  finished.WaitForNotification();
  return result;
}

absl::Status CompareTensors(absl::string_view list, const std::vector<grpc::Slice>& slices,
                            const wire::TensorTable& got, const std::vector<Tensor>& expected) {
  if (got.specs.size() != expected.size()) {
    return absl::DataLossError(absl::StrCat(list, ": expected ", expected.size(), " tensors, got ", got.specs.size()));
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    const std::string field = absl::StrCat(list, "[", expected[i].spec().name, "]");
    if (got.specs[i] != expected[i].spec()) return absl::DataLossError(absl::StrCat(field, ": another name or shape"));
    std::vector<std::byte> bytes(static_cast<size_t>(got.payloads[i].length));
    wire::CopyPayload(slices, got.payloads[i], bytes.data());
    if (!bytes.empty() && std::memcmp(bytes.data(), expected[i].bytes(), bytes.size()) != 0) {
      return absl::DataLossError(absl::StrCat(field, ": expected the bytes computed here, got others"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<AnswerCheck>> AnswerCheck::Create(const client::ComputeRequest& request,
                                                                 const LoadRequest& encoded, int64_t every) {
  LOSSD_ASSIGN_OR_RETURN(ComputeResult result, ComputeHere(request, encoded));
  return std::unique_ptr<AnswerCheck>(
      new AnswerCheck(every, result.objective, std::move(result.outputs), std::move(result.gradients)));
}

CallOutcome::Check AnswerCheck::Sample(const grpc::ByteBuffer& response) {
  if (answers_.fetch_add(1, std::memory_order_relaxed) % every_ != 0) return CallOutcome::Check::kNone;
  return Compare(response).ok() ? CallOutcome::Check::kEqual : CallOutcome::Check::kDifferent;
}

absl::Status AnswerCheck::Compare(const grpc::ByteBuffer& response) const {
  std::vector<grpc::Slice> slices;
  if (!response.Dump(&slices).ok()) return absl::InternalError("the transport's answer cannot be read");
  LOSSD_ASSIGN_OR_RETURN(const wire::DecodedResponse decoded, wire::DecodeResponse(slices));
  const double objective = decoded.header.objective();
  if (std::bit_cast<uint64_t>(objective) != std::bit_cast<uint64_t>(objective_)) {
    return absl::DataLossError(absl::StrCat("objective: expected ", objective_, ", got ", objective));
  }
  LOSSD_RETURN_IF_ERROR(CompareTensors("outputs", slices, decoded.outputs, outputs_));
  return CompareTensors("gradients", slices, decoded.gradients, gradients_);
}

}  // namespace lossd::load
