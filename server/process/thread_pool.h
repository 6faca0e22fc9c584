// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Threads for work that would hold up who has it to do.

#ifndef LOSSD_SERVER_PROCESS_THREAD_POOL_H_
#define LOSSD_SERVER_PROCESS_THREAD_POOL_H_

#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace lossd {

// Runs work on its threads, begun in the order it came. Does not bound what waits: callers do, by what they have
// reserved for it. For work that computes or copies; what waits for others keeps a thread. Thread-safe.
class ThreadPool {
 public:
  using Work = absl::AnyInvocable<void() &&>;

  // `threads` >= 1, each called `name`, which has at most 15 characters.
  ThreadPool(int threads, const std::string& name);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  // Runs what waits, and what that adds, then joins. Not on a thread of this.
  ~ThreadPool();

  // Never blocks but for a short lock; allocates. `work` is called once, with no lock held, and must not throw; what it
  // holds is destroyed on the same thread, right after.
  void Run(Work work);

 private:
  void RunUntilStopped();
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mu_) { return stopping_ || !waiting_.empty(); }

  absl::Mutex mu_;
  std::deque<Work> waiting_ ABSL_GUARDED_BY(mu_);
  // Nothing new comes; what waits is still run.
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_PROCESS_THREAD_POOL_H_
