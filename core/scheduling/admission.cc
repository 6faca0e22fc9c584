// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/admission.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this == &other) return *this;
  Release();
  admission_ = std::exchange(other.admission_, nullptr);
  bytes_ = std::exchange(other.bytes_, 0);
  unread_ = std::exchange(other.unread_, false);
  return *this;
}

absl::Status Reservation::Resize(int64_t bytes) {
  LOSSD_RETURN_IF_ERROR(admission_->Resize(bytes_, bytes, /*is_message=*/std::exchange(unread_, false)));
  bytes_ = bytes;
  return absl::OkStatus();
}

void Reservation::Release() {
  if (admission_ != nullptr) admission_->GiveBack(/*calls=*/1, bytes_);
  admission_ = nullptr;
  bytes_ = 0;
}

absl::StatusOr<Reservation> Admission::Reserve(int64_t bytes) {
  absl::MutexLock lock(&mu_);
  LOSSD_RETURN_IF_ERROR(CheckRoom(/*calls=*/1, bytes, bytes));
  ++calls_;
  bytes_ += bytes;
  return Reservation(this, bytes, /*unread=*/false);
}

absl::StatusOr<Reservation> Admission::ReserveUnread() {
  absl::MutexLock lock(&mu_);
  LOSSD_RETURN_IF_ERROR(CheckRoom(/*calls=*/1, /*bytes=*/0, /*request_bytes=*/0));
  const auto bytes = std::clamp<int64_t>(static_cast<int64_t>(message_bytes_), 1, std::max<int64_t>(max_bytes_ / 2, 1));
  if (bytes > max_bytes_ - bytes_) {
    return LimitExceeded({.reason = RejectReason::kInflightBytes,
                          .flag = "--max_inflight_bytes",
                          .description = absl::StrCat("bytes in flight: expected at most ", max_bytes_, ", in use ",
                                                      bytes_, ", messages of late had ", bytes),
                          .retry_delay = kRetryDelay});
  }
  ++calls_;
  bytes_ += bytes;
  return Reservation(this, bytes, /*unread=*/true);
}

int64_t Admission::inflight_bytes() const {
  absl::MutexLock lock(&mu_);
  return bytes_;
}

int64_t Admission::calls() const {
  absl::MutexLock lock(&mu_);
  return calls_;
}

absl::Status Admission::Resize(int64_t held_bytes, int64_t bytes, bool is_message) {
  constexpr double kWeight = 1.0 / 16;  // A change of sizes is learnt within some dozens of messages.
  absl::MutexLock lock(&mu_);
  if (is_message) message_bytes_ += kWeight * (static_cast<double>(bytes) - message_bytes_);
  if (bytes > held_bytes) LOSSD_RETURN_IF_ERROR(CheckRoom(/*calls=*/0, bytes - held_bytes, bytes));
  bytes_ += bytes - held_bytes;
  return absl::OkStatus();
}

void Admission::GiveBack(int64_t calls, int64_t bytes) {
  absl::MutexLock lock(&mu_);
  calls_ -= calls;
  bytes_ -= bytes;
}

absl::Status Admission::CheckRoom(int64_t calls, int64_t bytes, int64_t request_bytes) const {
  if (request_bytes > max_bytes_) {
    return LimitExceeded({.reason = RejectReason::kInflightBytes,
                          .flag = "--max_inflight_bytes",
                          .description = absl::StrCat("bytes in flight: expected at most ", max_bytes_,
                                                      " in all, this request alone needs ", request_bytes),
                          .retry_delay = std::nullopt});
  }
  if (calls > max_calls_ - calls_) {
    return LimitExceeded(
        {.reason = RejectReason::kConcurrency,
         .flag = "--max_concurrent_calls",
         .description = absl::StrCat("concurrent calls: expected at most ", max_calls_, ", in use ", calls_),
         .retry_delay = kRetryDelay});
  }
  if (bytes > max_bytes_ - bytes_) {
    return LimitExceeded({.reason = RejectReason::kInflightBytes,
                          .flag = "--max_inflight_bytes",
                          .description = absl::StrCat("bytes in flight: expected at most ", max_bytes_, ", in use ",
                                                      bytes_, ", this request needs ", bytes, " more"),
                          .retry_delay = kRetryDelay});
  }
  return absl::OkStatus();
}

}  // namespace lossd
