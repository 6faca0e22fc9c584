// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/backlog.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/scheduling/batch_queue.h"
#include "core/status/errors.h"

namespace lossd {
namespace {

// Bounds on what a refused caller is told to wait.
constexpr absl::Duration kShortestDelay = absl::Milliseconds(10);
constexpr absl::Duration kLongestDelay = absl::Seconds(1);

// In milliseconds with one digit: an estimate has no more.
std::string Text(absl::Duration duration) {
  return absl::FormatDuration(absl::Trunc(duration, absl::Microseconds(100)));
}

}  // namespace

absl::Status Backlog::CheckBeforeReading(absl::Time deadline, absl::Time now) const {
  return Check(deadline, std::min(deadline - now, kLongestReading), &Shares::before_reading, now);
}

absl::Status Backlog::CheckAfterReading(absl::Time deadline, absl::Time now) const {
  return Check(deadline, absl::ZeroDuration(), &Shares::after_reading, now);
}

Backlog::Place Backlog::BeginReading(absl::Time now) {
  const Place place = PlaceOf(now);
  absl::MutexLock lock(&mu_);
  ++reading_[place];
  ++reading_calls_;
  NoteBusy(now);
  return place;
}

void Backlog::EndReading(Place place) {
  absl::MutexLock lock(&mu_);
  --reading_[place];
  --reading_calls_;
}

Backlog::Place Backlog::Enter(absl::Time deadline, absl::Time arrival, absl::Time now) {
  const Place place = PlaceOf(Urgency(deadline, arrival));
  absl::MutexLock lock(&mu_);
  ++waiting_[place];
  ++waiting_calls_;
  NoteBusy(now);
  return place;
}

void Backlog::Leave(Place place, Outcome outcome, absl::Time now) {
  absl::MutexLock lock(&mu_);
  NoteBusy(now);  // It still counts.
  if (busy_until_.has_value()) NoteBusyOutcome(outcome, now);
  --waiting_[place];
  --waiting_calls_;
  if (!IsBusy(now)) busy_until_ = std::nullopt;
}

absl::Status Backlog::Check(absl::Time deadline, absl::Duration reading, double Shares::*share, absl::Time now) const {
  if (deadline == absl::InfiniteFuture()) return absl::OkStatus();
  const absl::Duration left = std::max(deadline - now, absl::ZeroDuration());
  const absl::Duration gathering = std::min(options_.max_queue_delay, left / 2);
  absl::Duration wait;
  absl::Duration bearable;
  {
    absl::MutexLock lock(&mu_);
    bearable = gathering + (left - gathering) * (SharesAt(now).*share);
    // Not even behind all of them: what nearly every call finds, without looking at who is ahead.
    if (pace_ * (waiting_calls_ + reading_calls_) <= bearable) return absl::OkStatus();
    wait = Wait(deadline, reading, now);
  }
  if (wait <= bearable) return absl::OkStatus();
  return LimitExceeded(
      {.reason = RejectReason::kQueue,
       .flag = "",
       .description = absl::StrCat("wait behind other calls: expected at most ", Text(bearable), " with a deadline in ",
                                   Text(left), ", would be about ", Text(wait)),
       .retry_delay = std::clamp(wait - bearable, kShortestDelay, kLongestDelay)});
}

const Backlog::Shares& Backlog::SharesAt(absl::Time now) const {
  return now < careful_until_ ? kSharesAfterLate : kShares;
}

absl::Duration Backlog::Wait(absl::Time deadline, absl::Duration reading, absl::Time now) const {
  if (pace_ == absl::ZeroDuration() || !IsBusy(now)) return absl::ZeroDuration();
  // Nothing that waits is less urgent than what comes now without deadline, so the ring holds nothing beyond.
  const absl::Time most_urgent =
      Urgency(absl::InfiniteFuture(), now) - absl::Milliseconds(kStepMilliseconds) * (kSteps - 1);
  int64_t ahead = CountBetween(waiting_, most_urgent, Urgency(deadline, now));
  if (reading > absl::ZeroDuration()) ahead += CountBetween(reading_, now - reading, now);
  return pace_ * ahead;
}

bool Backlog::IsBusy(absl::Time now) const {
  if (waiting_calls_ >= options_.busy_calls) return true;
  if (waiting_calls_ + reading_calls_ < options_.busy_calls) return false;
  return AreReading(options_.busy_calls - waiting_calls_, now);
}

// From the latest step back: where many are read, it has them.
bool Backlog::AreReading(int64_t calls, absl::Time now) const {
  static_assert(absl::Milliseconds(kStepMilliseconds * kStepsOfLongestReading) == kLongestReading);
  size_t step = PlaceOf(now);
  for (int64_t i = 0; i <= kStepsOfLongestReading; ++i) {
    calls -= reading_[step];
    if (calls <= 0) return true;
    step = step > 0 ? step - 1 : kSteps - 1;
  }
  return false;
}

void Backlog::NoteBusy(absl::Time now) {
  if (!IsBusy(now)) {
    busy_until_ = std::nullopt;
    return;
  }
  const absl::Time counted = busy_until_.value_or(now);
  busy_until_ = std::max(now, counted);
  window_ += *busy_until_ - counted;
}

void Backlog::NoteBusyOutcome(Outcome outcome, absl::Time now) {
  if (outcome == Outcome::kTooLate || outcome == Outcome::kExpired) careful_until_ = now + kCareful;
  // Those that wait here depart with an answer or because their clients leave: both make room for whoever is behind.
  const bool departed = outcome == Outcome::kInTime || outcome == Outcome::kTooLate || outcome == Outcome::kCancelled;
  if (departed) ++answers_of_window_;
  if (answers_of_window_ < kAnswersOfWindow || window_ < kWindow) return;
  const absl::Duration pace = window_ / answers_of_window_;
  pace_ = pace_ == absl::ZeroDuration() ? pace : (pace + pace_) / 2;
  window_ = absl::ZeroDuration();
  answers_of_window_ = 0;
}

Backlog::Place Backlog::PlaceOf(absl::Time time) {
  constexpr auto kLength = static_cast<int64_t>(kSteps);
  const int64_t step = absl::ToUnixMillis(time) / kStepMilliseconds % kLength;
  return static_cast<Place>(step < 0 ? step + kLength : step);
}

absl::Time Backlog::Urgency(absl::Time deadline, absl::Time now) {
  return std::clamp(deadline, now, now + BatchQueue::kPatience);
}

// `first` and `last` are less than the ring's length apart.
int64_t Backlog::CountBetween(const Ring& ring, absl::Time first, absl::Time last) {
  const auto begin = ring.begin() + static_cast<std::ptrdiff_t>(PlaceOf(first));
  const auto end = ring.begin() + static_cast<std::ptrdiff_t>(PlaceOf(last)) + 1;
  if (begin < end) return std::accumulate(begin, end, int64_t{0});
  return std::accumulate(ring.begin(), end, int64_t{0}) + std::accumulate(begin, ring.end(), int64_t{0});
}

}  // namespace lossd
