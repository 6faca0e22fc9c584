// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Calls that end when a test says so.

#ifndef LOSSD_TESTS_CLIENT_LOAD_HELD_CALLS_H_
#define LOSSD_TESTS_CLIENT_LOAD_HELD_CALLS_H_

#include <deque>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "client/load/caller.h"

namespace lossd::load {

// The calls of HeldCallers. Thread-safe.
class HeldCalls {
 public:
  // `clock` is not owned and outlives this.
  explicit HeldCalls(Clock& clock) : clock_(clock) {}

  void Start(absl::Time intended, Caller::Done done) {
    CallOutcome outcome;
    outcome.intended = intended;
    outcome.started = clock_.TimeNow();
    absl::MutexLock lock(&mu_);
    ++started_;
    held_.push_back({outcome, std::move(done)});
  }
  void AwaitStarted(int64_t calls) {
    absl::MutexLock lock(&mu_);
    const auto enough = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return started_ >= calls; };
    mu_.Await(absl::Condition(&enough));
  }
  int64_t started() {
    absl::MutexLock lock(&mu_);
    return started_;
  }
  // Ends the `calls` that have waited longest.
  void End(int calls, const absl::Status& status = absl::OkStatus()) {
    for (; calls > 0; --calls) EndNext(status);
  }
  // Ends all that there are and all that come until Finish.
  void EndAllUntilFinished(const absl::Status& status = absl::OkStatus()) {
    while (EndNext(status)) continue;
  }
  void Finish() {
    absl::MutexLock lock(&mu_);
    finished_ = true;
  }

 private:
  struct Held {
    CallOutcome outcome;
    Caller::Done done;
  };

  // Waits for a call, and ends it; false if there is none and Finish was called.
  bool EndNext(const absl::Status& status) {
    Held held;
    {
      absl::MutexLock lock(&mu_);
      const auto some = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return finished_ || !held_.empty(); };
      mu_.Await(absl::Condition(&some));
      if (held_.empty()) return false;
      held = std::move(held_.front());
      held_.pop_front();
    }
    held.outcome.finished = clock_.TimeNow();
    held.outcome.status = status;
    std::move(held.done)(std::move(held.outcome));
    return true;
  }

  Clock& clock_;
  absl::Mutex mu_;
  int64_t started_ ABSL_GUARDED_BY(mu_) = 0;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<Held> held_ ABSL_GUARDED_BY(mu_);
};

// Leaves its calls to `calls`, which is not owned and outlives this.
class HeldCaller : public Caller {
 public:
  explicit HeldCaller(HeldCalls& calls) : calls_(calls) {}
  void Start(absl::Time intended, Done done) override { calls_.Start(intended, std::move(done)); }
  void Withdraw() override {}

 private:
  HeldCalls& calls_;
};

}  // namespace lossd::load

#endif  // LOSSD_TESTS_CLIENT_LOAD_HELD_CALLS_H_
