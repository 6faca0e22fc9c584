// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/interrupt_watch.h"

#include <pthread.h>
#include <unistd.h>

#include <utility>

#include "core/process/termination_signals.h"

namespace lossd::cli {

InterruptWatch::InterruptWatch(std::function<void()> on_first) : on_first_(std::move(on_first)) {
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
  on_first_();
  const int number = AwaitTerminationSignal();
  if (!finished_) _exit(128 + number);
}

}  // namespace lossd::cli
