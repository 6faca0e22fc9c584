// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Builds absl::Status values that say, besides code and text, which field or limit they are about. The details travel
// as status payloads in a form of our own; the server turns them into google.rpc details.

#ifndef LOSSD_CORE_STATUS_ERRORS_H_
#define LOSSD_CORE_STATUS_ERRORS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace lossd {

// The request's field that a status is about.
struct FieldViolation {
  std::string field;        // As a client would write it: `inputs[anchor.1].shape`.
  std::string description;  // Expectation and value: `expected [8, 128] like inputs[0], got [8, 64]`.
};

// INVALID_ARGUMENT with the text "field: description", both as Printable has them: they may quote what a client sent.
absl::Status InvalidField(absl::string_view field, absl::string_view description);

// The violation that InvalidField attached to `status`; nullopt if there is none.
std::optional<FieldViolation> GetFieldViolation(const absl::Status& status);

// Why a call was not accepted: the label `reason` of lossd_rejected_total.
enum class RejectReason { kMessageBytes, kInflightBytes, kQueue, kConcurrency, kFlops, kDeadline, kDraining };

// The label's text: "message_bytes", "inflight_bytes", "queue", "concurrency", "flops", "deadline", "draining".
absl::string_view RejectReasonLabel(RejectReason reason);

// A limit that was exceeded.
struct LimitViolation {
  RejectReason reason;
  std::string flag;         // The flag that sets the limit: "--max_inflight_bytes"; empty if none does.
  std::string description;  // Limit and value, with units.
  // When retrying can help: how long to wait first. Nullopt where the same request will always be refused.
  std::optional<absl::Duration> retry_delay;
};

// RESOURCE_EXHAUSTED with the text "description (flag)".
absl::Status LimitExceeded(const LimitViolation& violation);

// UNAVAILABLE (draining) or DEADLINE_EXCEEDED (deadline), with `violation` attached like LimitExceeded does.
absl::Status Rejected(absl::StatusCode code, const LimitViolation& violation);

// The violation that LimitExceeded or Rejected attached to `status`; nullopt if there is none.
std::optional<LimitViolation> GetLimitViolation(const absl::Status& status);

}  // namespace lossd

#endif  // LOSSD_CORE_STATUS_ERRORS_H_
