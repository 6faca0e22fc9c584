// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/incoming_messages.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"

namespace lossd {
namespace {

// A message whose need is not known is taken to be so many times as large as what has come of it.
constexpr int64_t kGrowth = 4;
// What a message brings besides its bytes, such as a frame's header for each piece of it, is less than
constexpr int64_t kFramingShare = 64;  // one in so many,
constexpr int64_t kFramingBytes = 64;  // and these.

absl::Status TooLarge(int64_t max_bytes) {
  return LimitExceeded({RejectReason::kMessageBytes, "--max_message_bytes",
                        absl::StrCat("expected a request of at most ", max_bytes, " bytes, got more"), std::nullopt});
}

}  // namespace

void RecentNeeds::Add(int64_t bytes) {
  needs_[seen_++ % kRemembered] = bytes;
  believed_ = std::min(believed_ + 1, kRemembered);
}

int64_t RecentNeeds::smallest() const {
  int64_t smallest = believed_ == 0 ? 0 : std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < believed_; ++i) smallest = std::min(smallest, needs_[(seen_ - 1 - i) % kRemembered]);
  return smallest;
}

int64_t RecentNeeds::largest() const { return *std::max_element(needs_.begin(), needs_.end()); }

void IncomingMessages::See(int64_t arrived) {
  unexplained_ += arrived - seen_;
  seen_ = arrived;
}

IncomingMessages::Place IncomingMessages::Begin(int64_t arrived, Rules rules, Reservation reservation,
                                                std::weak_ptr<MessageReader> reader) {
  See(arrived);
  if (waiting_.empty()) unexplained_ = 0;  // Whatever it was, its call has gone.
  waiting_.push_back({rules, std::move(reservation), std::move(reader)});
  waiting_.back().begun = !rules.may_idle;
  return std::prev(waiting_.end());
}

int64_t IncomingMessages::Dropped(const Waiting& gone) const {
  if (!gone.refused) return gone.assigned;
  int64_t others = 0;
  for (const Waiting& waiting : waiting_) others += &waiting == &gone ? 0 : waiting.assigned;
  return std::max<int64_t>(0, unexplained_ - others);  // All that came since was its own.
}

Reservation IncomingMessages::End(int64_t arrived, Place place, int64_t message_bytes) {
  See(arrived);
  const int64_t explained =
      message_bytes < 0 ? Dropped(*place) : message_bytes + message_bytes / kFramingShare + kFramingBytes;
  Reservation reservation = std::move(place->reservation);
  waiting_.erase(place);
  unexplained_ = waiting_.empty() ? 0 : std::max<int64_t>(0, unexplained_ - explained);
  return reservation;
}

void IncomingMessages::Explain(int64_t arrived, int64_t bytes) {
  See(arrived);
  unexplained_ = std::max<int64_t>(0, unexplained_ - bytes);
}

IncomingMessages::Notices IncomingMessages::Assign(int64_t arrived) {
  See(arrived);
  Notices notices;
  int64_t left = unexplained_;
  // What is refused takes all that still comes until it has ended, so that no other one is refused for its sake.
  for (Waiting& waiting : waiting_) {
    if (waiting.refused) waiting.assigned = std::exchange(left, 0);
  }
  for (const bool idle : {false, true}) {
    for (Waiting& waiting : waiting_) {
      if (waiting.rules.may_idle != idle || waiting.refused) continue;
      const int64_t bytes = std::min(left, waiting.rules.max_bytes + kFreeBytes);
      AssignTo(waiting, bytes, notices);
      left -= bytes;
    }
  }
  if (left > 0 && !waiting_.empty()) {  // More than all of them may have: one of them has.
    Waiting& oldest = waiting_.front();
    for (Waiting& waiting : waiting_) waiting.assigned = &waiting == &oldest ? unexplained_ : 0;
    oldest.refused = true;
    notices.push_back({oldest.reader, TooLarge(oldest.rules.max_bytes)});
  }
  return notices;
}

void IncomingMessages::AssignTo(Waiting& waiting, int64_t bytes, Notices& notices) {
  waiting.assigned = bytes;
  if (bytes <= std::max(kFreeBytes, waiting.reservation.bytes())) return;
  if (!std::exchange(waiting.begun, true)) notices.push_back({waiting.reader, absl::OkStatus()});
  const int64_t most = std::min(kGrowth * bytes, waiting.rules.max_bytes + kFreeBytes);
  absl::Status room = waiting.reservation.Resize(std::max({bytes, most, waiting.rules.foreseen}));
  if (room.ok()) return;
  waiting.refused = true;
  notices.push_back({waiting.reader, std::move(room)});
}

int64_t IncomingMessages::WakeAt() const {
  int64_t room = waiting_.empty() ? kMaxStrayBytes : 0;
  for (const Waiting& waiting : waiting_) {
    if (waiting.refused) return std::numeric_limits<int64_t>::max();  // Its end comes first.
    room += std::min(std::max(kFreeBytes, waiting.reservation.bytes()), waiting.rules.max_bytes + kFreeBytes);
  }
  return seen_ - unexplained_ + room + 1;
}

}  // namespace lossd
