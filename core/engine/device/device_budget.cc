// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/device/device_budget.h"

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {

DeviceReservation::~DeviceReservation() {
  if (budget_ != nullptr) budget_->Release(bytes_);
}

absl::Status DeviceBudget::Check(int64_t bytes) const {
  if (bytes <= limit_bytes_) return absl::OkStatus();
  return LimitExceeded({RejectReason::kInflightBytes, "--device_memory_bytes",
                        absl::StrCat("expected a computation that takes at most ", limit_bytes_,
                                     " bytes on the device, got one that takes ", bytes),
                        std::nullopt});
}

absl::StatusOr<DeviceReservation> DeviceBudget::Reserve(int64_t bytes) {
  LOSSD_RETURN_IF_ERROR(Check(bytes));
  const auto fits = [this, bytes]() ABSL_SHARED_LOCKS_REQUIRED(mu_) { return reserved_bytes_ + bytes <= limit_bytes_; };
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(&fits));
  reserved_bytes_ += bytes;
  return DeviceReservation(*this, bytes);
}

std::optional<DeviceReservation> DeviceBudget::TryReserve(int64_t bytes) {
  absl::MutexLock lock(&mu_);
  if (reserved_bytes_ + bytes > limit_bytes_) return std::nullopt;
  reserved_bytes_ += bytes;
  return DeviceReservation(*this, bytes);
}

void DeviceBudget::Release(int64_t bytes) {
  absl::MutexLock lock(&mu_);
  reserved_bytes_ -= bytes;
}

int64_t DeviceBudget::reserved_bytes() const {
  absl::MutexLock lock(&mu_);
  return reserved_bytes_;
}

}  // namespace lossd
