// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Knows whether calls are let in, and how many are inside.

#ifndef LOSSD_SERVER_CALL_GATE_H_
#define LOSSD_SERVER_CALL_GATE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/scheduling/clock.h"

namespace lossd {

class CallGate;

// The place of a call inside a gate; given up when destroyed. Movable; an empty one holds nothing. Not thread-safe.
class GatePass {
 public:
  GatePass() = default;
  GatePass(GatePass&& other) noexcept
      : gate_(std::exchange(other.gate_, nullptr)), stream_(std::exchange(other.stream_, nullptr)) {}
  GatePass& operator=(GatePass&& other) noexcept;
  ~GatePass() { Leave(); }

  void Leave();

 private:
  friend class CallGate;
  GatePass(CallGate* gate, const void* stream) : gate_(gate), stream_(stream) {}

  CallGate* gate_ = nullptr;  // Not owned; outlives this.
  const void* stream_ = nullptr;
};

// The door of the service. Open at first; once draining, closed for good. Thread-safe.
class CallGate {
 public:
  // What a caller refused while draining is told to wait.
  static constexpr absl::Duration kRetryDelay = absl::Milliseconds(100);

  // Lets a call in; UNAVAILABLE (draining) if the gate is closed.
  absl::StatusOr<GatePass> Enter();

  // The same for a stream: `on_drain` is called once when draining starts, on the thread that starts it and with no
  // lock held, unless the pass was given up before. `id` is anything unique among streams inside.
  absl::StatusOr<GatePass> EnterStream(const void* id, std::function<void()> on_drain);

  // OK, or what Enter would say, without entering.
  absl::Status Check() const;

  void StartDraining();

  // Waits until nobody is inside; false if `deadline` comes first.
  bool AwaitEmpty(Clock& clock, absl::Time deadline);

  int64_t inside() const;

 private:
  friend class GatePass;

  void Leave(const void* stream);
  absl::Status CheckOpen() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsEmpty() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return inside_ == 0; }

  mutable absl::Mutex mu_;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  int64_t inside_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<const void*, std::function<void()>> streams_ ABSL_GUARDED_BY(mu_);
};

}  // namespace lossd

#endif  // LOSSD_SERVER_CALL_GATE_H_
