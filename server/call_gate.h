// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Knows whether calls are let in, and how many are inside.

#ifndef LOSSD_SERVER_CALL_GATE_H_
#define LOSSD_SERVER_CALL_GATE_H_

#include <cstdint>
#include <functional>
#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/scheduling/clock.h"

namespace lossd {

// The door of the service. Open at first; once draining, closed for good. Thread-safe.
class CallGate {
 public:
  // What a caller refused while draining is told to wait.
  static constexpr absl::Duration kRetryDelay = absl::Milliseconds(100);

  // Lets a call in, to be followed by Leave once its answer has left; UNAVAILABLE (draining) if the gate is closed.
  absl::Status Enter();
  void Leave();

  // As Enter, for a stream: `on_drain` is called once when draining starts, on the thread that starts it and with no
  // lock held, unless LeaveStream came first. `id` is anything unique among streams inside.
  absl::Status EnterStream(const void* id, std::function<void()> on_drain);
  void LeaveStream(const void* id);

  // OK, or what Enter would say, without entering.
  absl::Status Check() const;

  void StartDraining();

  // Waits until nobody is inside; false if `deadline` comes first.
  bool AwaitEmpty(Clock& clock, absl::Time deadline);

  int64_t inside() const;

 private:
  absl::Status CheckOpen() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsEmpty() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return inside_ == 0; }

  mutable absl::Mutex mu_;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  int64_t inside_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<const void*, std::function<void()>> streams_ ABSL_GUARDED_BY(mu_);
};

}  // namespace lossd

#endif  // LOSSD_SERVER_CALL_GATE_H_
