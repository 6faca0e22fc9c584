// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/process/termination_signals.h"

#include <pthread.h>
#include <signal.h>

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(TerminationSignalsTest, AreThoseOfTheTerminalAndOfKillAlone) {
  const sigset_t signals = TerminationSignals();
  for (int number = 1; number < NSIG; ++number) {
    EXPECT_EQ(sigismember(&signals, number) == 1, number == SIGINT || number == SIGTERM) << number;
  }
}

TEST(TerminationSignalsTest, EachIsAwaitedByItsNumber) {
  const sigset_t signals = TerminationSignals();
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &signals, &before);
  for (const int number : {SIGTERM, SIGINT}) {
    pthread_kill(pthread_self(), number);
    EXPECT_EQ(AwaitTerminationSignal(), number);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace
}  // namespace lossd
