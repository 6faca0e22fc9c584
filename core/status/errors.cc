// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/status/errors.h"

#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/status/printable.h"

namespace lossd {
namespace {

constexpr absl::string_view kFieldUrl = "lossd/field_violation";
constexpr absl::string_view kLimitUrl = "lossd/limit_violation";
// Separates the parts of a payload; cannot occur in a field path or a flag.
constexpr char kSeparator = '\x1f';
constexpr absl::string_view kReasonLabels[] = {"message_bytes", "inflight_bytes", "queue",   "concurrency",
                                               "flops",         "deadline",       "draining"};

std::optional<std::vector<std::string>> PayloadParts(const absl::Status& status, absl::string_view url, int count) {
  const auto payload = status.GetPayload(url);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(*payload);
  return std::vector<std::string>(absl::StrSplit(text, absl::MaxSplits(kSeparator, count - 1)));
}

absl::Cord Joined(std::initializer_list<absl::string_view> parts) {
  return absl::Cord(absl::StrJoin(parts, absl::string_view(&kSeparator, 1)));
}

}  // namespace

absl::Status InvalidField(absl::string_view named, absl::string_view described) {
  const std::string field = Printable(named);
  const std::string description = Printable(described);
  absl::Status status = absl::InvalidArgumentError(absl::StrCat(field, ": ", description));
  status.SetPayload(kFieldUrl, Joined({field, description}));
  return status;
}

std::optional<FieldViolation> GetFieldViolation(const absl::Status& status) {
  auto parts = PayloadParts(status, kFieldUrl, 2);
  if (!parts.has_value()) return std::nullopt;
  return FieldViolation{std::move((*parts)[0]), std::move((*parts)[1])};
}

absl::string_view RejectReasonLabel(RejectReason reason) { return kReasonLabels[static_cast<int>(reason)]; }

absl::Status LimitExceeded(const LimitViolation& violation) {
  return Rejected(absl::StatusCode::kResourceExhausted, violation);
}

absl::Status Rejected(absl::StatusCode code, const LimitViolation& violation) {
  std::string text = violation.description;
  if (!violation.flag.empty()) absl::StrAppend(&text, " (", violation.flag, ")");
  absl::Status status(code, text);
  const std::string delay = violation.retry_delay.has_value()
                                ? absl::StrCat(absl::ToInt64Microseconds(*violation.retry_delay))
                                : std::string("never");
  status.SetPayload(kLimitUrl, Joined({absl::StrCat(static_cast<int>(violation.reason)), delay, violation.flag,
                                       violation.description}));
  return status;
}

std::optional<LimitViolation> GetLimitViolation(const absl::Status& status) {
  auto parts = PayloadParts(status, kLimitUrl, 4);
  if (!parts.has_value()) return std::nullopt;
  LimitViolation violation;
  int reason = 0;
  if (!absl::SimpleAtoi((*parts)[0], &reason)) return std::nullopt;
  violation.reason = static_cast<RejectReason>(reason);
  int64_t microseconds = 0;
  if (absl::SimpleAtoi((*parts)[1], &microseconds)) violation.retry_delay = absl::Microseconds(microseconds);
  violation.flag = std::move((*parts)[2]);
  violation.description = std::move((*parts)[3]);
  return violation;
}

}  // namespace lossd
