// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The bytes of a device that computations may take: counted before they are asked of the device, so that a batch waits
// here for room instead of failing there.

#ifndef LOSSD_CORE_ENGINE_DEVICE_DEVICE_BUDGET_H_
#define LOSSD_CORE_ENGINE_DEVICE_DEVICE_BUDGET_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace lossd {

class DeviceBudget;

// A computation's share; gives it back when destroyed. Movable, not thread-safe.
class DeviceReservation {
 public:
  DeviceReservation(DeviceReservation&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(other.bytes_) {}
  DeviceReservation& operator=(DeviceReservation&&) = delete;
  ~DeviceReservation();

 private:
  friend class DeviceBudget;
  DeviceReservation(DeviceBudget& budget, int64_t bytes) : budget_(&budget), bytes_(bytes) {}

  DeviceBudget* budget_;  // Not owned; outlives this. Null once moved from.
  int64_t bytes_;
};

// Exact at every moment; knows numbers only, no memory. Thread-safe. Outlives its reservations.
class DeviceBudget {
 public:
  explicit DeviceBudget(int64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // OK where `bytes` may ever be had; else RESOURCE_EXHAUSTED naming --device_memory_bytes, its value and `bytes`.
  absl::Status Check(int64_t bytes) const;

  // Waits until `bytes` >= 0 are free and takes them. Fails as Check. In no order of arrival; who holds a reservation
  // must not wait for another, as all might.
  absl::StatusOr<DeviceReservation> Reserve(int64_t bytes) ABSL_LOCKS_EXCLUDED(mu_);

  // Takes `bytes` >= 0 if they are free; nothing if they are not.
  std::optional<DeviceReservation> TryReserve(int64_t bytes) ABSL_LOCKS_EXCLUDED(mu_);

  // What there is in all, and what is taken now.
  int64_t limit_bytes() const { return limit_bytes_; }
  int64_t reserved_bytes() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  friend class DeviceReservation;
  void Release(int64_t bytes) ABSL_LOCKS_EXCLUDED(mu_);

  const int64_t limit_bytes_;
  mutable absl::Mutex mu_;
  int64_t reserved_bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_DEVICE_DEVICE_BUDGET_H_
