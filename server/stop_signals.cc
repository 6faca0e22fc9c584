// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/stop_signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "core/process/termination_signals.h"

namespace lossd {

StopSignals::StopSignals() {
  const sigset_t signals = TerminationSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

StopSignals::~StopSignals() {
  finished_ = true;
  if (!watcher_.joinable()) return;
  pthread_kill(watcher_.native_handle(), SIGTERM);
  watcher_.join();
}

int StopSignals::Wait() { return AwaitTerminationSignal(); }

void StopSignals::ExitOnNext() {
  watcher_ = std::thread([this] {
    const int number = AwaitTerminationSignal();
    if (!finished_) _exit(128 + number);
  });
}

}  // namespace lossd
