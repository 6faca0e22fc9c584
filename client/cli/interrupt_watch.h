// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Turns Ctrl-C into a request to end.

#ifndef LOSSD_CLIENT_CLI_INTERRUPT_WATCH_H_
#define LOSSD_CLIENT_CLI_INTERRUPT_WATCH_H_

#include <signal.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

namespace lossd::cli {

// While it lives, the first SIGINT or SIGTERM runs a function on a thread of this class, and the next one ends the
// process at once with 128 + its number. Those within a second of the first are taken for the same: coreutils' timeout
// signals a process and then its group, and a shell may do likewise. Works for threads that are started after it, and
// for the one that made it: create it first. Not thread-safe.
class InterruptWatch {
 public:
  using Now = std::function<std::chrono::steady_clock::time_point()>;

  explicit InterruptWatch(std::function<void()> on_first, Now now = std::chrono::steady_clock::now);
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
  // Signals are as before again; a function that is running is waited for.
  ~InterruptWatch();

 private:
  void Watch();

  const std::function<void()> on_first_;
  const Now now_;
  sigset_t before_ = {};  // The signal mask of the thread that made this.
  std::atomic<bool> finished_ = false;
  std::thread watcher_;
};

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_INTERRUPT_WATCH_H_
