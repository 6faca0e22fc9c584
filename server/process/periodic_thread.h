// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A thread that does something now and then.

#ifndef LOSSD_SERVER_PROCESS_PERIODIC_THREAD_H_
#define LOSSD_SERVER_PROCESS_PERIODIC_THREAD_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "absl/time/time.h"

namespace lossd {

// Calls a function every period, on a thread of its own, until destroyed: never twice at a time, with no lock held, and
// a period after the call before has returned, however long that took. It goes by the monotonic clock, and for that by
// a std::condition_variable: timed waits of this Abseil go by the wall clock, and one that is set back by an hour makes
// them last an hour longer. What `work` uses outlives this: as a member, declare it last.
class PeriodicThread {
 public:
  // `name` is a literal of at most 15 characters, which the thread is called; `period` > 0, a year if more; `work` is
  // called first after one period, and does not throw.
  PeriodicThread(const char* name, absl::Duration period, std::function<void()> work);
  PeriodicThread(const PeriodicThread&) = delete;
  PeriodicThread& operator=(const PeriodicThread&) = delete;
  // Waits for a call that is under way. Not from inside `work`.
  ~PeriodicThread();

  // Calls the function soon, and then again after a period. Does not wait for it; several before it begins are one, and
  // one while it runs leads to another run. Thread-safe, also from inside `work`.
  void RunSoon();

 private:
  void Run();

  const absl::Duration period_;
  const std::function<void()> work_;
  std::mutex mu_;
  std::condition_variable wake_;
  bool stopping_ = false;  // Guarded by mu_, as the next one.
  bool due_ = false;
  std::thread thread_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_PROCESS_PERIODIC_THREAD_H_
