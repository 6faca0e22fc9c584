// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/interrupt_watch.h"

#include <pthread.h>
#include <unistd.h>

#include <utility>

#include "core/process/termination_signals.h"

namespace lossd::cli {

InterruptWatch::InterruptWatch(std::function<void()> on_first, Now now)
    : on_first_(std::move(on_first)), now_(std::move(now)) {
  const sigset_t signals = TerminationSignals();
  pthread_sigmask(SIG_BLOCK, &signals, &before_);
  watcher_ = std::thread([this] { Watch(); });
}

InterruptWatch::~InterruptWatch() {
  finished_ = true;
  pthread_kill(watcher_.native_handle(), SIGTERM);
  watcher_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void InterruptWatch::Watch() {
  AwaitTerminationSignal();
  if (finished_) return;
  const auto first = now_();
  on_first_();
  int number = 0;
  do {
    number = AwaitTerminationSignal();
    if (finished_) return;
  } while (now_() - first < std::chrono::seconds(1));
  _exit(128 + number);
}

}  // namespace lossd::cli
