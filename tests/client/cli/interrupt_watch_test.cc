// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/interrupt_watch.h"

#include <signal.h>
#include <unistd.h>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace lossd::cli {
namespace {

TEST(InterruptWatchTest, TheFirstSignalRunsTheFunction) {
  absl::Notification interrupted;
  const InterruptWatch watch([&] { interrupted.Notify(); });
  kill(getpid(), SIGINT);
  interrupted.WaitForNotification();
}

TEST(InterruptWatchTest, WithoutASignalNothingRunsAndTheMaskComesBack) {
  bool ran = false;
  {
    const InterruptWatch watch([&] { ran = true; });
  }
  EXPECT_FALSE(ran);
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGINT), 0);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0);
}

TEST(InterruptWatchDeathTest, TheSecondSignalEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        absl::Notification interrupted;
        const InterruptWatch watch([&] { interrupted.Notify(); });
        kill(getpid(), SIGINT);
        interrupted.WaitForNotification();
        kill(getpid(), SIGINT);
        absl::Notification().WaitForNotification();
      },
      ::testing::ExitedWithCode(128 + SIGINT), "");
}

}  // namespace
}  // namespace lossd::cli
