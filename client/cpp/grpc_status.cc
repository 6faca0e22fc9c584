// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/grpc_status.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lossd::client {
namespace {

absl::StatusCode Code(int code) {
  const bool known = code >= 0 && code <= static_cast<int>(absl::StatusCode::kUnauthenticated);
  return known ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown;
}

}  // namespace

absl::Status ToAbslStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  std::string text = status.error_message();
  if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
      absl::StrContains(text, "message larger than max")) {
    absl::StrAppend(&text, "; a client's limit is ClientOptions.max_message_bytes");
  }
  absl::Status result(Code(status.error_code()), text);
  if (!status.error_details().empty()) result.SetPayload(kStatusDetailsUrl, absl::Cord(status.error_details()));
  return result;
}

absl::Status ToAbslStatus(const google::rpc::Status& status) {
  if (status.code() == 0) return absl::OkStatus();
  absl::Status result(Code(status.code()), status.message());
  if (status.details_size() > 0) result.SetPayload(kStatusDetailsUrl, absl::Cord(status.SerializeAsString()));
  return result;
}

}  // namespace lossd::client
