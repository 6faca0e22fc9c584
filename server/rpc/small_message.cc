// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/small_message.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"

namespace lossd {

absl::Status ParseSmallMessage(const ReceivedMessage& received, google::protobuf::MessageLite& message) {
  if (received.bytes() > kMaxSmallMessageBytes) {
    return LimitExceeded({RejectReason::kMessageBytes, "",
                          absl::StrCat("expected a ", message.GetTypeName(), " of at most ", kMaxSmallMessageBytes,
                                       " bytes, got ", received.bytes()),
                          std::nullopt});
  }
  std::string text;
  for (const grpc::Slice& slice : received.slices()) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  if (message.ParseFromString(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("expected a ", message.GetTypeName(), ", got ", text.size(), " bytes that are none"));
}

grpc::ByteBuffer Serialized(const google::protobuf::MessageLite& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return {&slice, 1};
}

}  // namespace lossd
