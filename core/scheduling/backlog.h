// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Foresees how long a call that comes now will wait, so that one that would wait in vain can be refused at once.

#ifndef LOSSD_CORE_SCHEDULING_BACKLOG_H_
#define LOSSD_CORE_SCHEDULING_BACKLOG_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace lossd {

struct BacklogOptions {
  // Calls at a time from which on all workers are busy; at least 1. Below, nothing is learnt and nothing refused. Too
  // few: the pace of a server that has time to spare is taken for the best that it can do.
  int64_t busy_calls = 4;
  // How long a call may wait for company (BatchQueueOptions::max_queue_delay), which is no sign of a full server.
  absl::Duration max_queue_delay = absl::ZeroDuration();
};

// The calls whose messages are being read, those whose messages are there and whose answers are not, and the pace at
// which calls are answered while there are many. A call waits for those that are more urgent (as BatchQueue has it) and
// for those whose messages arrive beside its own, times that pace: Little's law.
//
// Why: a server with more calls than it can serve in time spends itself on the most urgent ones, which come too late,
// and answers none. If it takes on what it can finish, it goes on at its full pace whatever is offered. So once a call
// came too late although all workers were busy, others are let in only if they will wait for half of their time at
// most: that is enough of a queue to keep the workers busy, and the other half is for what is not seen here, the way of
// the answer and the error of the estimate. While none is late, callers may use nearly all of their time.
//
// Thread-safe; never blocks but for a short lock.
class Backlog {
 public:
  // Where a call is counted, and must be counted out again.
  using Place = size_t;

  // The pace is that of the last so many answers, but of no shorter time. Only time in which all workers are busy
  // counts, in one piece or in many: a server that is busy for a moment now and then learns, too.
  static constexpr int64_t kAnswersOfWindow = 16;
  static constexpr absl::Duration kWindow = absl::Milliseconds(50);

  // What share of its time a call may be foreseen to wait; more once its message is read, when that can no longer be
  // avoided; less for so long after a call that came too late.
  struct Shares {
    double before_reading;
    double after_reading;
  };
  static constexpr Shares kShares = {0.8, 0.95};
  static constexpr Shares kSharesAfterLate = {0.5, 0.75};
  static constexpr absl::Duration kCareful = absl::Seconds(10);

  enum class Outcome {
    kInTime,     // Its result was computed,
    kTooLate,    // but after its deadline.
    kExpired,    // Its deadline came before its turn.
    kCancelled,  // Its client did not want it any more: it was waited for no longer, as if answered.
    kDropped,    // Refused, failed.
  };

  // A message that takes longer to read than a call has left, or than this, is its client's fault, and not counted.
  static constexpr absl::Duration kLongestReading = absl::Seconds(1);

  explicit Backlog(const BacklogOptions& options) : options_(options) {}

  // OK, or RESOURCE_EXHAUSTED with LimitViolation (queue) and a delay after which there should be room: a call that
  // comes `now` would wait for more than its share of the time until `deadline`. Always OK without deadline.
  absl::Status CheckBeforeReading(absl::Time deadline, absl::Time now) const;
  absl::Status CheckAfterReading(absl::Time deadline, absl::Time now) const;

  // Counts a call in while its message is being read, and out.
  Place BeginReading(absl::Time now);
  void EndReading(Place place);

  // Counts a call in whose message was read, which was asked for at `arrival`, and out.
  Place Enter(absl::Time deadline, absl::Time arrival, absl::Time now);
  void Leave(Place place, Outcome outcome, absl::Time now);

 private:
  // Calls are counted by time, in steps of a hundredth of a second on a ring of five seconds: those that are read by
  // arrival, those that wait by urgency. What stays longer may be counted as if it had come later.
  static constexpr int64_t kStepMilliseconds = 10;
  static constexpr size_t kSteps = 500;
  static constexpr int64_t kStepsOfLongestReading = 100;
  using Ring = std::array<int32_t, kSteps>;

  static Place PlaceOf(absl::Time time);
  static absl::Time Urgency(absl::Time deadline, absl::Time now);
  static int64_t CountBetween(const Ring& ring, absl::Time first, absl::Time last);
  // `reading`: for how long messages may have been on their way that are ahead of this call.
  absl::Status Check(absl::Time deadline, absl::Duration reading, double Shares::*share, absl::Time now) const;
  // How long a call would wait; zero where that is not known or nobody waits.
  absl::Duration Wait(absl::Time deadline, absl::Duration reading, absl::Time now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  const Shares& SharesAt(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsBusy(absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether so many messages are being read that have not been for longer than kLongestReading.
  bool AreReading(int64_t calls, absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Counts the time since the last call of this if all workers are busy, and were then.
  void NoteBusy(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteBusyOutcome(Outcome outcome, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const BacklogOptions options_;
  mutable absl::Mutex mu_;
  Ring reading_ ABSL_GUARDED_BY(mu_) = {};
  Ring waiting_ ABSL_GUARDED_BY(mu_) = {};
  int64_t reading_calls_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t waiting_calls_ ABSL_GUARDED_BY(mu_) = 0;
  std::optional<absl::Time> busy_until_ ABSL_GUARDED_BY(mu_);  // While all workers are busy: counted so far.
  absl::Duration window_ ABSL_GUARDED_BY(mu_);                 // Busy time since the pace was last learnt,
  int64_t answers_of_window_ ABSL_GUARDED_BY(mu_) = 0;         // and answers in it.
  absl::Duration pace_ ABSL_GUARDED_BY(mu_);  // Time an answer, of all workers together; zero until known.
  absl::Time careful_until_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
};

}  // namespace lossd

#endif  // LOSSD_CORE_SCHEDULING_BACKLOG_H_
