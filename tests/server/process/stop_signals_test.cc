// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/stop_signals.h"

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
    EXPECT_EQ(signals.Wait([] { FAIL(); }), number);
  }
}

TEST(StopSignalsTest, HangupIsToldAndEndsNothing) {
  StopSignals signals;
  kill(getpid(), SIGHUP);
  int hangups = 0;
  EXPECT_EQ(signals.Wait([&hangups] {
    if (++hangups == 2) kill(getpid(), SIGTERM);
    if (hangups == 1) kill(getpid(), SIGHUP);
  }),
            SIGTERM);
  EXPECT_EQ(hangups, 2);
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
