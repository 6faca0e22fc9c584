// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/process/termination_signals.h"

namespace lossd {

sigset_t TerminationSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

int AwaitTerminationSignal() {
  const sigset_t signals = TerminationSignals();
  int number = 0;
  while (sigwait(&signals, &number) != 0) {
  }
  return number;
}

}  // namespace lossd
