// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/stop_signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(StopSignalsTest, FirstSignalIsReturnedInsteadOfEndingTheProcess) {
  for (const int number : {SIGTERM, SIGINT}) {
    StopSignals signals;
    kill(getpid(), number);
    EXPECT_EQ(signals.Wait(), number);
  }
}

TEST(StopSignalsTest, WatcherThatSawNoSecondSignalEndsQuietly) {
  StopSignals signals;
  signals.ExitOnNext();
}

TEST(StopSignalsDeathTest, SecondSignalEndsTheProcessAtOnce) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        StopSignals signals;
        signals.ExitOnNext();
        kill(getpid(), SIGTERM);
        pause();
      },
      ::testing::ExitedWithCode(128 + SIGTERM), "");
}

}  // namespace
}  // namespace lossd
