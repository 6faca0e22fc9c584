// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Splits a message into its tensors and the rest, which generated protobuf parses. Requests and responses share it.

#ifndef LOSSD_PROTO_WIRE_MESSAGE_SPLITTER_H_
#define LOSSD_PROTO_WIRE_MESSAGE_SPLITTER_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "proto/wire/header_budget.h"
#include "proto/wire/reader.h"
#include "proto/wire/tensor_decoder.h"

namespace lossd::wire {

// A repeated field of tensors. Length-delimited ones of this number are handed to `decoder`, in order; of another wire
// type they are a field like any other, which protobuf does not know.
struct TensorField {
  uint32_t number;
  TensorDecoder* decoder;  // Not owned.
};

// Walks `message`, gives the elements of `tensor_fields` to their decoders, and returns the bytes of all other fields,
// in order. Each of these is charged to `budget` and shown to `inspect` first. Fails with what the decoders, the budget
// or `inspect` fail with, and with INVALID_ARGUMENT where the bytes are malformed: at the first that is wrong, by the
// order of the bytes.
absl::StatusOr<std::string> SplitMessage(Reader message, absl::Span<const TensorField> tensor_fields,
                                         HeaderBudget* budget, absl::FunctionRef<absl::Status(const Field&)> inspect);

// Parses what SplitMessage returned into `header`, which is overwritten. INVALID_ARGUMENT with the field of `header`
// that protobuf does not parse, if that is among the first kMaxFieldsProbed, each of which is parsed once more to find
// it; else with the field `message`.
absl::Status ParseHeader(const std::string& bytes, google::protobuf::Message* header);

inline constexpr int kMaxFieldsProbed = 1024;

}  // namespace lossd::wire

#endif  // LOSSD_PROTO_WIRE_MESSAGE_SPLITTER_H_
