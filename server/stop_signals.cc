// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/stop_signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace lossd {
namespace {

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

int Await() {
  const sigset_t signals = Signals();
  int number = 0;
  while (sigwait(&signals, &number) != 0) {
  }
  return number;
}

}  // namespace

StopSignals::StopSignals() {
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

StopSignals::~StopSignals() {
  finished_ = true;
  if (!watcher_.joinable()) return;
  pthread_kill(watcher_.native_handle(), SIGTERM);
  watcher_.join();
}

int StopSignals::Wait() { return Await(); }

void StopSignals::ExitOnNext() {
  watcher_ = std::thread([this] {
    const int number = Await();
    if (!finished_) _exit(128 + number);
  });
}

}  // namespace lossd
