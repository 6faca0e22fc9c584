// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Decides which calls may come in: a budget of bytes and of calls.

#ifndef LOSSD_CORE_SCHEDULING_ADMISSION_H_
#define LOSSD_CORE_SCHEDULING_ADMISSION_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/scheduling/clock.h"
#include "core/scheduling/turnover.h"

namespace lossd {

class Admission;

// A call's share of the budget; gives it back when destroyed. Movable. Not thread-safe; different ones may be used by
// different threads at once. An empty one (default-constructed, moved from or released) holds nothing; assigning to one
// gives back first what it held.
class Reservation {
 public:
  Reservation() = default;
  Reservation(Reservation&& other) noexcept
      : admission_(std::exchange(other.admission_, nullptr)),
        calls_(std::exchange(other.calls_, 0)),
        bytes_(std::exchange(other.bytes_, 0)),
        wanted_(std::exchange(other.wanted_, 0)) {}
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation() { Release(); }

  // Makes it `bytes` in all, more or less than now, for the same call. RESOURCE_EXHAUSTED as for Admission::Reserve,
  // with the reservation unchanged; never fails for less, which others may have at once. Must not be empty; bytes >= 0.
  absl::Status Resize(int64_t bytes);
  // The same for bytes that are a guess of what the call will need, and so not wanted(); fails also where less than
  // `spare` bytes of the budget would be left for others. Then a retry delay is given only where others hold something,
  // which may go.
  absl::Status ResizeSparing(int64_t bytes, int64_t spare);

  // Counts it as a call, if it is none. RESOURCE_EXHAUSTED as for Admission::Reserve. Must not be empty.
  absl::Status BecomeCall();

  // Gives everything back and is empty then.
  void Release();

  bool empty() const { return admission_ == nullptr; }
  int64_t bytes() const { return bytes_; }
  // The most that Resize was ever asked for, granted or not, of what the budget could hold: what is known to be needed.
  int64_t wanted() const { return wanted_; }

 private:
  friend class Admission;
  Reservation(Admission* admission, int64_t calls, int64_t bytes)
      : admission_(admission), calls_(calls), bytes_(bytes) {}

  Admission* admission_ = nullptr;  // Not owned; outlives this.
  int64_t calls_ = 0;
  int64_t bytes_ = 0;
  int64_t wanted_ = 0;
};

// A budget of bytes and of calls, exact at every moment: 0 <= bytes <= max_bytes and 0 <= calls <= max_calls, whoever
// asks at once. Nobody waits for room: what does not fit is refused, with a time to come back. Thread-safe; never
// blocks but for a short lock, and allocates only to refuse. Outlives its reservations.
class Admission {
 public:
  // What a caller refused for want of room is told to wait at least. Those refused for want of bytes stand in line:
  // each is told to come when, at the pace at which bytes were given back lately, there is room for it behind those
  // that were told before. Sooner, most would come in vain, and each costs the server what it sends unasked. They are
  // told a little less than that, as some never come, and none more than the longest.
  static constexpr absl::Duration kRetryDelay = absl::Milliseconds(100);
  static constexpr absl::Duration kLongestRetryDelay = absl::Seconds(4);
  static constexpr double kHaste = 0.8;  // Of the time that room takes to come.

  // `clock` is not owned and outlives this. `bytes_flag` sets max_bytes, for texts; "": none does.
  Admission(int64_t max_bytes, int64_t max_calls, Clock& clock = RealClock(),
            const char* bytes_flag = "--max_inflight_bytes")
      : max_bytes_(max_bytes), max_calls_(max_calls), bytes_flag_(bytes_flag), clock_(clock) {}

  // Reserves one call and `bytes` >= 0 bytes. RESOURCE_EXHAUSTED with LimitViolation: concurrency
  // (--max_concurrent_calls) or inflight_bytes (--max_inflight_bytes); without a retry delay where `bytes` alone are
  // more than the whole budget, which is looked at first, then calls, then bytes. Refuses also where less than `spare`
  // bytes would be left for others.
  absl::StatusOr<Reservation> Reserve(int64_t bytes, int64_t spare = 0);

  // The same of bytes that are no call's yet, such as a message that a stream waits for. Who is refused waits by itself
  // and stands in no line.
  absl::StatusOr<Reservation> ReserveBytes(int64_t bytes, int64_t spare = 0);

  // The same, of bytes and, if so, a call, for one who is told nothing where there is no room: nullopt.
  std::optional<Reservation> TryReserve(bool call, int64_t bytes, int64_t spare);

  int64_t max_bytes() const { return max_bytes_; }

  // What is reserved now; other threads may have changed it since.
  int64_t inflight_bytes() const;
  int64_t calls() const;

 private:
  friend class Reservation;

  absl::StatusOr<Reservation> ReserveOrTell(int64_t calls, int64_t bytes, int64_t spare);
  absl::Status Resize(int64_t held_bytes, int64_t bytes, int64_t spare);
  bool HasRoom(int64_t calls, int64_t bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status AddCall();
  void GiveBack(int64_t calls, int64_t bytes);
  // Learns of what comes back, of more than a thousandth of the budget and while half of it is in use.
  void NoteReturn(int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // `bytes` more, of which `spare` are to be left for others, for a request of so many bytes in all. `in_line`: who is
  // refused is told when to come back.
  absl::Status CheckRoom(int64_t calls, int64_t bytes, int64_t request_bytes, int64_t spare, bool in_line)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Of the next in line, that needs so many bytes.
  absl::Duration BytesRetryDelay(int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const int64_t max_bytes_;
  const int64_t max_calls_;
  const char* const bytes_flag_;
  Clock& clock_;
  mutable absl::Mutex mu_;
  int64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t calls_ ABSL_GUARDED_BY(mu_) = 0;
  Turnover turnover_ ABSL_GUARDED_BY(mu_);  // Of large reservations, while the budget is full or nearly so.
  absl::Time last_in_line_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();  // When the last one refused is to come.
};

}  // namespace lossd

#endif  // LOSSD_CORE_SCHEDULING_ADMISSION_H_
