// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/stop_signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "core/process/termination_signals.h"

namespace lossd {

namespace {

// Those that ask for an end, and the one that asks for news.
sigset_t AllSignals() {
  sigset_t signals = TerminationSignals();
  sigaddset(&signals, SIGHUP);
  return signals;
}

}  // namespace

StopSignals::StopSignals() {
  const sigset_t signals = AllSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

StopSignals::~StopSignals() {
  finished_ = true;
  if (!watcher_.joinable()) return;
  pthread_kill(watcher_.native_handle(), SIGTERM);
  watcher_.join();
}

int StopSignals::Wait(absl::FunctionRef<void()> on_hangup) {
  const sigset_t signals = AllSignals();
  while (true) {
    int number = 0;
    if (sigwait(&signals, &number) != 0) continue;
    if (number != SIGHUP) return number;
    on_hangup();
  }
}

void StopSignals::ExitOnNext() {
  watcher_ = std::thread([this] {
    const int number = AwaitTerminationSignal();
    if (!finished_) _exit(128 + number);
  });
}

}  // namespace lossd
