// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Waits for the signals that stop the process.

#ifndef LOSSD_SERVER_PROCESS_STOP_SIGNALS_H_
#define LOSSD_SERVER_PROCESS_STOP_SIGNALS_H_

#include <atomic>
#include <thread>

#include "absl/functional/function_ref.h"

namespace lossd {

// SIGTERM, SIGINT and SIGHUP, taken by whoever waits here instead of interrupting anyone. One object a process; make it
// before the first thread, which then, as all later ones, has them blocked. SIGPIPE is ignored: writing to what is gone
// fails with EPIPE instead of ending the process.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  // Signals stay blocked.
  ~StopSignals();

  // Waits for the first SIGTERM or SIGINT, also for one that came since this was made; returns its number. Calls
  // `on_hangup` on each SIGHUP until then, on this thread. By one thread.
  int Wait(absl::FunctionRef<void()> on_hangup);

  // From now on SIGTERM or SIGINT ends the process at once, with the exit code 128 + its number, and without
  // destructors. SIGHUP does nothing. Call once, after Wait.
  void ExitOnNext();

 private:
  std::atomic<bool> finished_ = false;
  std::thread watcher_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_PROCESS_STOP_SIGNALS_H_
