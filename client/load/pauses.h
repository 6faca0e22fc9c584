// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Calls of a closed loop that wait because the server has told their caller to.

#ifndef LOSSD_CLIENT_LOAD_PAUSES_H_
#define LOSSD_CLIENT_LOAD_PAUSES_H_

#include <map>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/scheduling/clock.h"

namespace lossd::load {

// Runs what is to be done later on a thread of its own, one after the other, in the order of their times, with no lock
// held. Thread-safe. Destruction runs what is left at once, and waits for it. One thread for all callers that wait,
// however many: none sleeps.
class Pauses {
 public:
  using Work = absl::AnyInvocable<void() &&>;

  // `clock` is not owned and outlives this.
  explicit Pauses(Clock& clock);
  ~Pauses();

  // Runs `work`, which may call this again, at `time`, or as soon as pauses are ended.
  void Add(absl::Time time, Work work);
  // Runs whatever waits, and what comes from now on, at once, on its thread as ever; until Allow. Does not wait for it.
  void End();
  void Allow();

 private:
  void Run();
  bool IsDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Clock& clock_;
  absl::Mutex mu_;
  std::multimap<absl::Time, Work> waiting_ ABSL_GUARDED_BY(mu_);
  absl::Time awaited_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();  // The time that the thread waits for.
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_PAUSES_H_
