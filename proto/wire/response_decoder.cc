// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/response_decoder.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status/status_macros.h"
#include "proto/wire/header_budget.h"
#include "proto/wire/message_splitter.h"

namespace lossd::wire {
namespace {

constexpr int64_t kAnyNumber = std::numeric_limits<int64_t>::max();

absl::StatusOr<DecodedResponse> Decode(absl::Span<const grpc::Slice> slices) {
  HeaderBudget budget;
  TensorDecoder outputs("outputs", kAnyNumber, &budget);
  TensorDecoder gradients("gradients", kAnyNumber, &budget);
  const TensorField tensor_fields[] = {{v1::ComputeResponse::kOutputsFieldNumber, &outputs},
                                       {v1::ComputeResponse::kGradientsFieldNumber, &gradients}};
  LOSSD_ASSIGN_OR_RETURN(const std::string header_bytes, SplitMessage(Reader(slices), tensor_fields, &budget,
                                                                      [](const Field&) { return absl::OkStatus(); }));
  DecodedResponse response;
  LOSSD_RETURN_IF_ERROR(ParseHeader(header_bytes, &response.header));
  response.outputs = std::move(outputs).Take();
  response.gradients = std::move(gradients).Take();
  return response;
}

}  // namespace

absl::StatusOr<DecodedResponse> DecodeResponse(absl::Span<const grpc::Slice> slices) {
  absl::StatusOr<DecodedResponse> response = Decode(slices);
  if (response.ok()) return response;
  return absl::InternalError(absl::StrCat("response is not valid: ", response.status().message()));
}

}  // namespace lossd::wire
