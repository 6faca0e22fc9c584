// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/client_options.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace lossd::client {
namespace {

absl::Status Refuse(absl::string_view field, absl::string_view expected, const std::string& got) {
  return absl::InvalidArgumentError(absl::StrCat("ClientOptions.", field, ": expected ", expected, ", got ", got));
}

// The first duration that is not positive.
absl::Status ValidateDurations(const ClientOptions& options) {
  const struct {
    const char* field;
    absl::Duration value;
  } durations[] = {{"timeout", options.timeout},
                   {"initial_backoff", options.initial_backoff},
                   {"max_backoff", options.max_backoff},
                   {"keepalive_time", options.keepalive_time},
                   {"keepalive_timeout", options.keepalive_timeout}};
  for (const auto& [field, value] : durations) {
    if (value <= absl::ZeroDuration()) return Refuse(field, "more than 0", absl::FormatDuration(value));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ClientOptions::Validate() const {
  // gRPC takes lengths as int.
  if (max_message_bytes && (*max_message_bytes < 1 || *max_message_bytes > INT32_MAX)) {
    return Refuse("max_message_bytes", "1 to 2147483647", absl::StrCat(*max_message_bytes));
  }
  if (max_queued_bytes < 1) return Refuse("max_queued_bytes", "1 or more", absl::StrCat(max_queued_bytes));
  if (connect_timeout < absl::ZeroDuration()) {
    return Refuse("connect_timeout", "0 or more", absl::FormatDuration(connect_timeout));
  }
  if (patience < absl::ZeroDuration()) return Refuse("patience", "0 or more", absl::FormatDuration(patience));
  if (max_attempts < 1 || max_attempts > 5) return Refuse("max_attempts", "1 to 5", absl::StrCat(max_attempts));
  if (channels < 1 || channels > 64) return Refuse("channels", "1 to 64", absl::StrCat(channels));
  if (tls && tls->certificate_chain.empty() != tls->private_key.empty()) {
    return Refuse("tls", "certificate_chain and private_key together", "one of them");
  }
  // gRPC ends the process over others.
  if (!std::all_of(auth_token.begin(), auth_token.end(), absl::ascii_isgraph)) {
    return Refuse("auth_token", "visible ASCII characters", "others");
  }
  return ValidateDurations(*this);
}

}  // namespace lossd::client
