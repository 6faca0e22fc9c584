// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/admission.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this == &other) return *this;
  Release();
  admission_ = std::exchange(other.admission_, nullptr);
  calls_ = std::exchange(other.calls_, 0);
  bytes_ = std::exchange(other.bytes_, 0);
  wanted_ = std::exchange(other.wanted_, 0);
  return *this;
}

absl::Status Reservation::Resize(int64_t bytes) {
  if (bytes <= admission_->max_bytes_) wanted_ = std::max(wanted_, bytes);
  return ResizeSparing(bytes, 0);
}

absl::Status Reservation::ResizeSparing(int64_t bytes, int64_t spare) {
  LOSSD_RETURN_IF_ERROR(admission_->Resize(bytes_, bytes, spare));
  bytes_ = bytes;
  return absl::OkStatus();
}

absl::Status Reservation::BecomeCall() {
  if (calls_ > 0) return absl::OkStatus();
  LOSSD_RETURN_IF_ERROR(admission_->AddCall());
  calls_ = 1;
  return absl::OkStatus();
}

void Reservation::Release() {
  if (admission_ != nullptr) admission_->GiveBack(calls_, bytes_);
  admission_ = nullptr;
  calls_ = 0;
  bytes_ = 0;
}

absl::StatusOr<Reservation> Admission::Reserve(int64_t bytes, int64_t spare) {
  return ReserveOrTell(/*calls=*/1, bytes, spare);
}

absl::StatusOr<Reservation> Admission::ReserveBytes(int64_t bytes, int64_t spare) {
  return ReserveOrTell(/*calls=*/0, bytes, spare);
}

absl::StatusOr<Reservation> Admission::ReserveOrTell(int64_t calls, int64_t bytes, int64_t spare) {
  absl::MutexLock lock(&mu_);
  LOSSD_RETURN_IF_ERROR(CheckRoom(calls, bytes + spare, bytes, spare, /*in_line=*/calls > 0));
  calls_ += calls;
  bytes_ += bytes;
  return Reservation(this, calls, bytes);
}

std::optional<Reservation> Admission::TryReserve(bool call, int64_t bytes, int64_t spare) {
  const int64_t calls = call ? 1 : 0;
  absl::MutexLock lock(&mu_);
  if (bytes > max_bytes_ - spare || !HasRoom(calls, bytes + spare)) return std::nullopt;
  calls_ += calls;
  bytes_ += bytes;
  return Reservation(this, calls, bytes);
}

absl::Status Admission::AddCall() {
  absl::MutexLock lock(&mu_);
  LOSSD_RETURN_IF_ERROR(CheckRoom(/*calls=*/1, /*bytes=*/0, /*request_bytes=*/0, /*spare=*/0, /*in_line=*/true));
  ++calls_;
  return absl::OkStatus();
}

int64_t Admission::inflight_bytes() const {
  absl::MutexLock lock(&mu_);
  return bytes_;
}

int64_t Admission::calls() const {
  absl::MutexLock lock(&mu_);
  return calls_;
}

absl::Status Admission::Resize(int64_t held_bytes, int64_t bytes, int64_t spare) {
  absl::MutexLock lock(&mu_);
  if (bytes > held_bytes) {
    // What does not fit beside nobody never will.
    const int64_t kept = bytes_ == held_bytes ? spare : 0;
    LOSSD_RETURN_IF_ERROR(CheckRoom(/*calls=*/0, bytes - held_bytes + spare, bytes, kept, /*in_line=*/true));
  }
  bytes_ += bytes - held_bytes;
  return absl::OkStatus();
}

void Admission::GiveBack(int64_t calls, int64_t bytes) {
  absl::MutexLock lock(&mu_);
  NoteReturn(bytes);
  calls_ -= calls;
  bytes_ -= bytes;
}

void Admission::NoteReturn(int64_t bytes) {
  constexpr int64_t kSmallShare = 1024;  // Smaller ones fill no budget: there are not so many calls.
  if (bytes <= max_bytes_ / kSmallShare) return;
  if (bytes_ < max_bytes_ / 2) {
    last_in_line_ = absl::InfinitePast();
    return turnover_.Forget();
  }
  turnover_.Note(bytes, clock_.TimeNow());
}

absl::Duration Admission::BytesRetryDelay(int64_t bytes) {
  const std::optional<absl::Duration> time = turnover_.TimeFor(bytes);
  if (!time.has_value()) return kRetryDelay;
  const absl::Time now = clock_.TimeNow();
  last_in_line_ = std::clamp(last_in_line_, now, now + kLongestRetryDelay) + kHaste * *time;
  return std::clamp(last_in_line_ - now, kRetryDelay, kLongestRetryDelay);
}

bool Admission::HasRoom(int64_t calls, int64_t bytes) const {
  return calls <= max_calls_ - calls_ && bytes <= max_bytes_ - bytes_;
}

absl::Status Admission::CheckRoom(int64_t calls, int64_t bytes, int64_t request_bytes, int64_t spare, bool in_line) {
  if (request_bytes > max_bytes_ - spare) {
    const std::string rest = spare > 0 ? absl::StrCat(", and ", spare, " are kept for others") : "";
    return LimitExceeded({.reason = RejectReason::kInflightBytes,
                          .flag = bytes_flag_,
                          .description = absl::StrCat("bytes in flight: expected at most ", max_bytes_,
                                                      " in all, this request alone needs ", request_bytes, rest),
                          .retry_delay = std::nullopt});
  }
  if (calls > max_calls_ - calls_) {
    return LimitExceeded(
        {.reason = RejectReason::kConcurrency,
         .flag = "--max_concurrent_calls",
         .description = absl::StrCat("concurrent calls: expected at most ", max_calls_, ", in use ", calls_),
         .retry_delay = kRetryDelay});
  }
  if (HasRoom(calls, bytes)) return absl::OkStatus();
  return LimitExceeded({.reason = RejectReason::kInflightBytes,
                        .flag = bytes_flag_,
                        .description = absl::StrCat("bytes in flight: expected at most ", max_bytes_, ", in use ",
                                                    bytes_, ", this request needs ", bytes, " more"),
                        .retry_delay = in_line ? BytesRetryDelay(bytes) : kRetryDelay});
}

}  // namespace lossd
