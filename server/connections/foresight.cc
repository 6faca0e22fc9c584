// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/foresight.h"

#include <algorithm>
#include <utility>

namespace lossd {

void RecentNeeds::Add(int64_t bytes) {
  // The number after the value: nobody takes the place of one that was never set for a need of nothing.
  const size_t seen = seen_.load(std::memory_order_relaxed);
  needs_[seen % kRemembered].store(bytes, std::memory_order_relaxed);
  seen_.store(seen + 1, std::memory_order_release);
}

int64_t RecentNeeds::smallest() const {
  const size_t known = std::min(seen_.load(std::memory_order_acquire), kRemembered);
  int64_t smallest = known > 0 ? std::numeric_limits<int64_t>::max() : 0;
  for (size_t i = 0; i < known; ++i) smallest = std::min(smallest, needs_[i].load(std::memory_order_relaxed));
  return smallest;
}

int64_t RecentNeeds::largest() const {
  int64_t largest = 0;
  for (const auto& need : needs_) largest = std::max(largest, need.load(std::memory_order_relaxed));
  return largest;
}

Foresight::Foresight(Admission& admission, int64_t max_message_bytes)
    : admission_(admission),
      trust_(admission.max_bytes() / 8, std::numeric_limits<int64_t>::max()),
      worst_need_(std::min(admission.max_bytes() / 2, 2 * max_message_bytes)),
      spare_(std::clamp<int64_t>(admission.max_bytes() - max_message_bytes - kUncountedMessageBytes, 0,
                                 admission.max_bytes() / 16)) {}

absl::StatusOr<Reservation> Foresight::ReserveUnread(const RecentNeeds& connection, bool call, absl::Time now) {
  const auto reserve = [&](int64_t bytes, int64_t spare) {
    return call ? admission_.Reserve(bytes, spare) : admission_.ReserveBytes(bytes, spare);
  };
  const int64_t bytes = std::min(connection.known() ? connection.smallest() : all_.smallest(), most());
  const int64_t spare = bytes > kUncountedMessageBytes ? spare_ : 0;
  if (auto reservation = admission_.TryReserve(call, bytes, spare)) return *std::move(reservation);
  const int64_t time = absl::ToUnixNanos(now);
  int64_t doubted = doubted_.load(std::memory_order_relaxed);
  const bool again = doubted > time - absl::ToInt64Nanoseconds(kDoubtPeriod);
  if (bytes == 0 || again || !doubted_.compare_exchange_strong(doubted, time, std::memory_order_relaxed)) {
    return reserve(bytes, spare);
  }
  return reserve(0, 0);
}

int64_t Foresight::LikelyNeed(const RecentNeeds& connection) const {
  return std::min(connection.known() ? connection.largest() : all_.largest(), most());
}

void Foresight::Note(RecentNeeds& connection, int64_t bytes) {
  connection.Add(bytes);
  all_.Add(bytes);
}

}  // namespace lossd
