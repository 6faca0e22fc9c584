// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/message_splitter.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"
#include "google/protobuf/descriptor.h"
#include "proto/wire/text_checks.h"

namespace lossd::wire {
namespace {

constexpr absl::string_view kMessage = "message";

// The field of `header`'s type in whose bytes the parse of `bytes` fails; kMessage where that would take long to find.
std::string FailingField(const std::string& bytes, const google::protobuf::Message& header) {
  const grpc::Slice slice(bytes.data(), bytes.size(), grpc::Slice::STATIC_SLICE);
  const std::unique_ptr<google::protobuf::Message> probe(header.New());
  Reader rest(absl::MakeConstSpan(&slice, 1));
  for (int probed = 0; probed < kMaxFieldsProbed; ++probed) {
    const std::optional<Field> field = rest.ReadField();
    if (!field) break;
    std::string field_bytes;
    field->whole.AppendTo(field_bytes);
    if (probe->ParseFromString(field_bytes)) continue;
    const auto* descriptor = header.GetDescriptor()->FindFieldByNumber(static_cast<int>(field->number));
    if (descriptor != nullptr) return descriptor->name();
  }
  return std::string(kMessage);
}

}  // namespace

absl::StatusOr<std::string> SplitMessage(Reader message, absl::Span<const TensorField> tensor_fields,
                                         HeaderBudget* budget, absl::FunctionRef<absl::Status(const Field&)> inspect) {
  std::string header_bytes;
  while (!message.AtEnd()) {
    const std::optional<Field> field = message.ReadField();
    if (!field) return Malformed(kMessage, message);
    const auto* tensor_field = std::find_if(tensor_fields.begin(), tensor_fields.end(),
                                            [&](const TensorField& known) { return known.number == field->number; });
    if (tensor_field != tensor_fields.end() && field->type == WireType::kLengthDelimited) {
      LOSSD_RETURN_IF_ERROR(budget->Charge(field->whole.remaining() - field->content.remaining()));
      LOSSD_RETURN_IF_ERROR(tensor_field->decoder->Add(field->content));
      continue;
    }
    LOSSD_RETURN_IF_ERROR(budget->Charge(field->whole.remaining()));
    LOSSD_RETURN_IF_ERROR(inspect(*field));
    field->whole.AppendTo(header_bytes);
  }
  return header_bytes;
}

absl::Status ParseHeader(const std::string& bytes, google::protobuf::Message* header) {
  if (header->ParseFromString(bytes)) return absl::OkStatus();
  return Malformed(FailingField(bytes, *header),
                   absl::StrCat("a field of ", header->GetDescriptor()->full_name(), " with UTF-8 in its strings"));
}

}  // namespace lossd::wire
