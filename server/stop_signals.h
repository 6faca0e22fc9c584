// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Waits for the signals that stop the process.

#ifndef LOSSD_SERVER_STOP_SIGNALS_H_
#define LOSSD_SERVER_STOP_SIGNALS_H_

#include <atomic>
#include <thread>

namespace lossd {

// SIGTERM and SIGINT, taken by whoever waits here instead of interrupting anyone. One object a process; make it before
// the first thread, which then, as all later ones, has them blocked. SIGPIPE is ignored.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  // Waits for the first signal; returns its number.
  int Wait();

  // From now on a signal ends the process at once, with the exit code 128 + its number.
  void ExitOnNext();

 private:
  std::atomic<bool> finished_ = false;
  std::thread watcher_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_STOP_SIGNALS_H_
