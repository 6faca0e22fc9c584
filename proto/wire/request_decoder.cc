// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/request_decoder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"
#include "google/protobuf/unknown_field_set.h"
#include "proto/wire/header_budget.h"
#include "proto/wire/limits.h"
#include "proto/wire/message_splitter.h"
#include "proto/wire/tensor_decoder.h"
#include "proto/wire/text_checks.h"

namespace lossd::wire {
namespace {

// Checks what has limits of its own: request_id and the names of gradients.
class HeaderInspector {
 public:
  absl::Status Inspect(const Field& field) {
    if (field.type != WireType::kLengthDelimited) return absl::OkStatus();
    if (field.number == v1::ComputeRequest::kRequestIdFieldNumber) {
      return ReadName("request_id", field.content).status();
    }
    if (field.number == v1::ComputeRequest::kGradientsFieldNumber) return InspectGradients(field.content);
    return absl::OkStatus();
  }

 private:
  absl::Status InspectGradients(Reader gradients) {
    while (!gradients.AtEnd()) {
      const std::optional<Field> field = gradients.ReadField();
      if (!field) return Malformed("gradients", gradients);
      if (field->type != WireType::kLengthDelimited || field->number != v1::GradientOptions::kNamesFieldNumber)
        continue;
      LOSSD_RETURN_IF_ERROR(ReadName(absl::StrCat("gradients.names[", names_, "]"), field->content).status());
      if (++names_ > kMaxGradientNames) {
        return InvalidField("gradients.names",
                            absl::StrCat("expected at most ", kMaxGradientNames, " names, got more"));
      }
    }
    return absl::OkStatus();
  }

  int64_t names_ = 0;  // Of all occurrences of `gradients`, which protobuf merges.
};

}  // namespace

absl::StatusOr<DecodedRequest> DecodeRequest(absl::Span<const grpc::Slice> slices) {
  HeaderBudget budget;
  TensorDecoder inputs("inputs", kMaxInputs, &budget);
  HeaderInspector inspector;
  const TensorField tensor_fields[] = {{v1::ComputeRequest::kInputsFieldNumber, &inputs}};
  LOSSD_ASSIGN_OR_RETURN(const std::string header_bytes,
                         SplitMessage(Reader(slices), tensor_fields, &budget,
                                      [&](const Field& field) { return inspector.Inspect(field); }));
  DecodedRequest request;
  LOSSD_RETURN_IF_ERROR(ParseHeader(header_bytes, &request.header));
  TensorTable table = std::move(inputs).Take();
  request.specs = std::move(table.specs);
  request.payloads = std::move(table.payloads);
  return request;
}

std::string DecodeRequestId(absl::Span<const grpc::Slice> slices) {
  std::string request_id;
  HeaderBudget budget;  // A refused message may be arbitrarily long.
  Reader message(slices);
  while (std::optional<Field> field = message.ReadField()) {
    const bool delimited = field->type == WireType::kLengthDelimited;
    const bool input = delimited && field->number == v1::ComputeRequest::kInputsFieldNumber;
    const int64_t skipped = input ? field->content.remaining() : 0;
    if (!budget.Charge(field->whole.remaining() - skipped).ok()) break;
    if (!delimited || field->number != v1::ComputeRequest::kRequestIdFieldNumber) continue;
    absl::StatusOr<std::string> name = ReadName("request_id", field->content);
    if (name.ok()) request_id = *std::move(name);
  }
  return request_id;
}

std::optional<int> UnknownLossMember(const v1::LossSpec& loss) {
  const google::protobuf::UnknownFieldSet& unknown = loss.GetReflection()->GetUnknownFields(loss);
  if (loss.loss_case() != v1::LossSpec::LOSS_NOT_SET || unknown.empty()) return std::nullopt;
  return unknown.field(unknown.field_count() - 1).number();
}

}  // namespace lossd::wire
