// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/rpc_status.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "google/rpc/error_details.pb.h"
#include "proto/wire/text_checks.h"

namespace lossd {
namespace {

constexpr absl::string_view kEllipsis = "...";

// Bytes of the UTF-8 character at the head of `text`; 0 if there is none.
size_t CharacterBytes(absl::string_view text) {
  constexpr size_t kLongest = 4;
  for (size_t bytes = 1; bytes <= std::min(kLongest, text.size()); ++bytes) {
    if (wire::IsValidUtf8(text.substr(0, bytes))) return bytes;
  }
  return 0;
}

// `text` as valid UTF-8 of at most kMaxStatusTextBytes.
std::string Shortened(absl::string_view text) {
  constexpr size_t kRoom = kMaxStatusTextBytes - kEllipsis.size();
  if (text.size() <= kRoom && std::all_of(text.begin(), text.end(), absl::ascii_isascii)) return std::string(text);
  std::string result;
  while (!text.empty()) {
    const size_t bytes = CharacterBytes(text);
    if (result.size() + std::max<size_t>(bytes, 1) > kRoom) {
      return absl::StrCat(result, kEllipsis);
    }
    absl::StrAppend(&result, bytes == 0 ? "?" : text.substr(0, bytes));
    text.remove_prefix(std::max<size_t>(bytes, 1));
  }
  return result;
}

void AddBadRequest(const FieldViolation& violation, google::rpc::Status& status) {
  google::rpc::BadRequest details;
  auto* field = details.add_field_violations();
  field->set_field(Shortened(violation.field));
  field->set_description(Shortened(violation.description));
  status.add_details()->PackFrom(details);
}

void AddQuotaFailure(const LimitViolation& violation, google::rpc::Status& status) {
  google::rpc::QuotaFailure details;
  auto* quota = details.add_violations();
  quota->set_subject(violation.flag.empty() ? std::string(RejectReasonLabel(violation.reason)) : violation.flag);
  quota->set_description(Shortened(violation.description));
  status.add_details()->PackFrom(details);
}

void AddRetryInfo(absl::Duration delay, google::rpc::Status& status) {
  google::rpc::RetryInfo details;
  const int64_t nanoseconds = absl::ToInt64Nanoseconds(delay);
  details.mutable_retry_delay()->set_seconds(nanoseconds / 1'000'000'000);
  details.mutable_retry_delay()->set_nanos(static_cast<int32_t>(nanoseconds % 1'000'000'000));
  status.add_details()->PackFrom(details);
}

void AddErrorInfo(absl::string_view request_id, google::rpc::Status& status) {
  google::rpc::ErrorInfo details;
  details.set_reason("INTERNAL");
  details.set_domain("lossd");
  (*details.mutable_metadata())["request_id"] = Shortened(request_id);
  status.add_details()->PackFrom(details);
}

}  // namespace

std::optional<absl::Duration> RetryDelay(const absl::Status& status) {
  const auto limit = GetLimitViolation(status);
  return limit.has_value() ? limit->retry_delay : std::nullopt;
}

google::rpc::Status ToRpcStatus(const absl::Status& status, absl::string_view request_id) {
  google::rpc::Status result;
  result.set_code(static_cast<int>(status.code()));
  result.set_message(Shortened(status.message()));
  if (const auto field = GetFieldViolation(status)) AddBadRequest(*field, result);
  const auto limit = GetLimitViolation(status);
  if (limit.has_value() && status.code() == absl::StatusCode::kResourceExhausted) AddQuotaFailure(*limit, result);
  if (const auto delay = RetryDelay(status)) AddRetryInfo(*delay, result);
  if (status.code() == absl::StatusCode::kInternal) AddErrorInfo(request_id, result);
  return result;
}

grpc::Status ToGrpcStatus(const absl::Status& status, absl::string_view request_id) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status details = ToRpcStatus(status, request_id);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), details.message(), details.SerializeAsString());
}

}  // namespace lossd
