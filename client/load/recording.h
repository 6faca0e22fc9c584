// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What is kept of the calls of a run.

#ifndef LOSSD_CLIENT_LOAD_RECORDING_H_
#define LOSSD_CLIENT_LOAD_RECORDING_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/load/histogram.h"

namespace lossd::load {

// One call, from the time when it was due. Filled by its Caller; had_room by the engine.
//
//    intended ---- lag ---- started ---- service ---- finished
//    |---------------------- latency ----------------------|
struct CallOutcome {
  absl::Time intended;  // When it was due: a call that starts late was late for its caller as well.
  absl::Time started;
  absl::Time finished;
  absl::Status status;
  int64_t received_bytes = 0;
  enum class Check { kNone, kEqual, kDifferent };
  Check check = Check::kNone;  // Against the local computation.
  bool provoked = false;       // Failed because chaos made it.
  bool withdrawn = false;      // Cancelled because the run was to end.
  bool had_room = true;        // Could start when it was due, as far as the number of calls under way goes.
};

// Errors of one code.
struct ErrorCount {
  int64_t calls = 0;
  std::string example;  // The first text.
  Histogram time;       // From `intended` to the failure.
};

// Sums over calls: each call counts in one of succeeded, errors, skipped and withdrawn. Merging is exact. Not
// thread-safe.
struct Recording {
  int64_t succeeded = 0;
  int64_t skipped = 0;         // Arrivals for which no call was started: too many were outstanding, or
  int64_t unstarted = 0;       // the level's end came first.
  int64_t received_bytes = 0;  // Of the answers that came in this time.
  int64_t checked = 0;
  int64_t different = 0;  // Of those checked.
  Histogram latency;      // Of successful calls: from `intended` to the answer.
  Histogram service;      // Of successful calls: from `started` to the answer.
  Histogram lag;          // Of calls that had room: from `intended` to `started`, what this client was late.
  Histogram answers;      // As `latency`, but of the answers that came in this time, whenever their calls were due.
  int64_t provoked = 0;   // Of those that failed.
  int64_t withdrawn = 0;  // In none of the other sums.
  std::map<absl::StatusCode, ErrorCount> errors;

  // A call that was due in this time, whenever it ended ...
  void AddCall(const CallOutcome& outcome);
  // ... one that ended in this time, whenever it was due ...
  void AddAnswer(const CallOutcome& outcome);
  // ... and one that did both.
  void Add(const CallOutcome& outcome);
  // Arrivals that were due and not started; they count as skipped, too.
  void AddUnstarted(int64_t arrivals);
  // Of two examples of an error this one's is kept.
  void Merge(const Recording& other);

  // Of all codes; those that chaos provoked are among them.
  int64_t failed() const;
  // Failed and skipped calls as a share of all, without those that chaos provoked; 0 where there were none.
  double ErrorRate() const;
};

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_RECORDING_H_
