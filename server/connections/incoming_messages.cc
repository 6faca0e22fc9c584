// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/incoming_messages.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"

namespace lossd {
namespace {

// A message whose need is not known is taken to be so many times as large as what has come of it.
constexpr int64_t kGrowth = 4;
constexpr int64_t kWindowBytes = (1 << 20) + (64 << 10);  // gRPC 1.51 opens no window of a message further.

absl::Status TooLarge(const IncomingMessages::Rules& rules) {
  const char* const flag = rules.foresight == nullptr ? "" : "--max_message_bytes";  // Of computations; else none does.
  return LimitExceeded({RejectReason::kMessageBytes, flag,
                        absl::StrCat("expected a request of at most ", rules.max_bytes, " bytes, got more"),
                        std::nullopt});
}

}  // namespace

void IncomingMessages::See(int64_t arrived) {
  unexplained_ += arrived - seen_;
  seen_ = arrived;
}

IncomingMessages::Place IncomingMessages::Begin(int64_t arrived, Rules rules, Reservation reservation,
                                                AwaitedMessage message, int64_t early) {
  See(arrived);
  if (waiting_.empty()) unexplained_ = std::min(unexplained_, early);  // Whatever else it was, its call has gone.
  waiting_.push_back({rules, std::move(reservation), Reservation(), std::move(message)});
  Waiting& begun = waiting_.back();
  begun.granted = begun.reservation.bytes();
  CountRoom(begun, RoomOf(begun));
  if (!rules.may_idle) most_limited_ += MostOf(begun);
  return std::prev(waiting_.end());
}

Reservation IncomingMessages::End(int64_t arrived, Place place, int64_t message_bytes) {
  See(arrived);
  // Of a message that will not come, the transport drops what it has.
  const int64_t explained = message_bytes < 0 ? ShareOf(*place) : message_bytes;
  Reservation reservation = std::move(place->reservation);
  CountRoom(*place, 0);
  if (!place->rules.may_idle) most_limited_ -= MostOf(*place);
  waiting_.erase(place);
  unexplained_ = waiting_.empty() ? 0 : std::max<int64_t>(0, unexplained_ - explained);
  if (guessed_ && unexplained_ <= kFreeBytes) TakeBackGuesses();
  return reservation;
}

// All that came was of messages that have ended: those that wait have had none of it.
void IncomingMessages::TakeBackGuesses() {
  guessed_ = false;
  for (Waiting& waiting : waiting_) {
    if (waiting.rules.may_idle && !waiting.refused) Shrink(waiting, waiting.granted);
  }
}

void IncomingMessages::Shrink(Waiting& waiting, int64_t bytes) {
  if (waiting.reservation.bytes() <= bytes) return;
  waiting.granted = std::min(waiting.granted, bytes);
  waiting.trusted.Release();
  waiting.reservation.ResizeSparing(bytes, 0).IgnoreError();  // Less is always granted.
  CountRoom(waiting, RoomOf(waiting));
}

void IncomingMessages::Relax(int64_t arrived, Place place) {
  See(arrived);
  if (!place->refused && ShareOf(*place) <= kFreeBytes) Shrink(*place, 0);
}

void IncomingMessages::HoldWhatCame(int64_t arrived) {
  See(arrived);
  Shares shares;
  Share(shares);
  for (const auto& [waiting, bytes] : shares) {
    if (waiting->refused) continue;
    waiting->slow = true;
    Shrink(*waiting, bytes <= kFreeBytes ? 0 : bytes);
  }
}

void IncomingMessages::Explain(int64_t arrived, int64_t bytes) {
  See(arrived);
  // Where nobody waits, what came was of calls that have gone, or of the one that brought this.
  unexplained_ = waiting_.empty() ? 0 : std::max<int64_t>(0, unexplained_ - bytes);
}

IncomingMessages::Notices IncomingMessages::Assign(int64_t arrived) {
  See(arrived);
  Notices notices;
  if (unexplained_ <= room_) return notices;
  Shares shares;
  const int64_t left = Share(shares);
  for (const auto& [waiting, bytes] : shares) {
    if (bytes <= waiting->room) continue;
    AssignTo(*waiting, bytes, notices);
    CountRoom(*waiting, RoomOf(*waiting));
  }
  if (left <= 0) return notices;
  // More than all of them may have: one of them has.
  const auto oldest = std::find_if(waiting_.begin(), waiting_.end(), [](const Waiting& w) { return !w.refused; });
  if (oldest == waiting_.end()) return notices;
  Refuse(*oldest, left, TooLarge(oldest->rules), notices);
  CountRoom(*oldest, RoomOf(*oldest));
  return notices;
}

int64_t IncomingMessages::Share(Shares& shares) {
  int64_t left = unexplained_;
  std::vector<Waiting*> limited, idle;
  for (Waiting& waiting : waiting_) (waiting.rules.may_idle ? idle : limited).push_back(&waiting);
  // Those that may not have an equal part have what they may, and leave the rest to the others.
  std::sort(limited.begin(), limited.end(), [](const Waiting* a, const Waiting* b) { return MostOf(*a) < MostOf(*b); });
  for (size_t i = 0; i < limited.size(); ++i) {
    const auto others = static_cast<int64_t>(limited.size() - i);
    const int64_t bytes = std::min(MostOf(*limited[i]), (left + others - 1) / others);
    shares.emplace_back(limited[i], bytes);
    left -= bytes;
  }
  // Of those that may idle most do: bytes are the first one's that has room for them, so that one message that comes is
  // taken for one, whoever waits beside it.
  const auto holds_more = [](const Waiting* a, const Waiting* b) {
    return a->reservation.bytes() > b->reservation.bytes();
  };
  std::stable_sort(idle.begin(), idle.end(), holds_more);
  for (Waiting* const waiting : idle) {
    const int64_t bytes = std::min(MostOf(*waiting), left);
    shares.emplace_back(waiting, bytes);
    left -= bytes;
  }
  return left;
}

int64_t IncomingMessages::ShareOf(const Waiting& waiting) {
  Shares shares;
  Share(shares);
  for (const auto& [each, bytes] : shares) {
    if (each == &waiting) return bytes;
  }
  return 0;
}

int64_t IncomingMessages::MostOf(const Waiting& waiting) { return waiting.rules.max_bytes + kFreeBytes; }

int64_t IncomingMessages::RoomOf(const Waiting& waiting) {
  if (waiting.refused) return waiting.refused_at + kWindowBytes;
  return std::min(std::max(kFreeBytes, waiting.reservation.bytes()), MostOf(waiting));
}

void IncomingMessages::CountRoom(Waiting& waiting, int64_t room) { room_ += room - std::exchange(waiting.room, room); }

void IncomingMessages::Refuse(Waiting& waiting, int64_t bytes, absl::Status status, Notices& notices) {
  waiting.refused_at = std::max(bytes, waiting.refused_at);
  if (!std::exchange(waiting.refused, true)) notices.push_back({waiting.message, std::move(status)});
}

void IncomingMessages::AssignTo(Waiting& waiting, int64_t bytes, Notices& notices) {
  guessed_ |= waiting.rules.may_idle;
  if (waiting.refused) return Refuse(waiting, bytes, absl::OkStatus(), notices);
  absl::Status room = Grow(waiting, bytes);
  if (!room.ok()) Refuse(waiting, bytes, std::move(room), notices);
}

absl::Status IncomingMessages::Grow(Waiting& waiting, int64_t bytes) {
  Foresight* const foresight = waiting.rules.foresight;
  const int64_t spare = foresight == nullptr ? 0 : foresight->spare();
  if (waiting.slow) return waiting.reservation.ResizeSparing(bytes + kFreeBytes, spare);
  if (bytes <= waiting.rules.foreseen) return waiting.reservation.ResizeSparing(waiting.rules.foreseen, spare);
  int64_t guess = std::max(bytes, std::min(kGrowth * bytes, waiting.rules.max_bytes + kFreeBytes));
  if (foresight != nullptr) {
    if (waiting.trusted.empty()) waiting.trusted = *foresight->trust().ReserveBytes(0);  // Nothing is always granted.
    guess = std::max(bytes, std::min(guess, foresight->most()));
    if (!waiting.trusted.Resize(guess).ok()) guess = std::max(bytes, foresight->worst_need());
  }
  return waiting.reservation.ResizeSparing(guess, spare);
}

bool IncomingMessages::IsQuiet(int64_t arrived, int64_t noise) {
  See(arrived);
  return unexplained_ <= most_limited_ + noise + unwanted_ + to_be_unwanted_;
}

void IncomingMessages::NoteUnwanted() {
  to_be_unwanted_ = std::min(to_be_unwanted_ + kFreeBytes, kMaxUnwanted - unwanted_);
}

void IncomingMessages::TurnUnwanted(int64_t arrived) {
  See(arrived);
  unwanted_ = std::min(unwanted_, unexplained_) + std::exchange(to_be_unwanted_, 0);
}

int64_t IncomingMessages::WakeAt() const {
  const int64_t room = waiting_.empty() ? kMaxStrayBytes : room_;
  return seen_ - unexplained_ + room + 1;
}

}  // namespace lossd
