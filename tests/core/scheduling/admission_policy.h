// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What the model of a server asks of whatever decides which calls come in.

#ifndef LOSSD_TESTS_CORE_SCHEDULING_ADMISSION_POLICY_H_
#define LOSSD_TESTS_CORE_SCHEDULING_ADMISSION_POLICY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/scheduling/admission.h"
#include "core/scheduling/clock.h"

namespace lossd::testing {

// A call whose message has not been read. A policy looks only at what its server could know by then.
struct ArrivingCall {
  std::string connection;
  std::string loss;             // Stands in the message; calls of one loss need alike.
  int64_t announced_bytes = 0;  // Of the message; stands in the five bytes in front of it.
  absl::Time now;
};

// Decides on calls. Not thread-safe.
class AdmissionPolicy {
 public:
  // One call that was let in; destroyed when it has ended, whichever way.
  class Ticket {
   public:
    virtual ~Ticket() = default;
    // So many bytes of its message have come; an error ends it.
    virtual absl::Status OnProgress(int64_t /*bytes*/) { return absl::OkStatus(); }
    // Its message of `bytes` is there.
    virtual absl::Status OnMessage(int64_t bytes) = 0;
    // It needs `bytes` in all until its answer has left.
    virtual absl::Status OnPlan(int64_t bytes) = 0;
  };

  virtual ~AdmissionPolicy() = default;

  // Lets a call in, whose message is then read; or refuses it with RESOURCE_EXHAUSTED; or has it wait (null), unread:
  // it is asked for again when another call has ended.
  virtual absl::StatusOr<std::unique_ptr<Ticket>> OnArrival(const ArrivingCall& call) = 0;

  // What it counts as held.
  virtual int64_t held_bytes() const = 0;
};

// The server's own policy, with these bounds. `clock`, which outlives it, tells how long calls stay.
std::unique_ptr<AdmissionPolicy> ServerPolicy(int64_t max_bytes, int64_t max_calls, Clock& clock = RealClock());

// For comparison: one that lets calls in by the mean size of the last messages, whoever sent them, and asks for what
// they need once they have been read.
std::unique_ptr<AdmissionPolicy> MeanMessagePolicy(int64_t max_bytes, int64_t max_calls, Clock& clock = RealClock());

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_SCHEDULING_ADMISSION_POLICY_H_
