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

// A watch whose clock tells these times, one after the other; the first signal asks for the first.
void SignalThrice(int first_ms, int second_ms, int third_ms) {
  absl::Notification interrupted, asked[3];
  int calls = 0;
  const auto now = [&] {
    const int times[] = {first_ms, second_ms, third_ms};
    asked[calls].Notify();
    return std::chrono::steady_clock::time_point(std::chrono::milliseconds(times[calls++]));
  };
  const InterruptWatch watch([&] { interrupted.Notify(); }, now);
  kill(getpid(), SIGTERM);
  interrupted.WaitForNotification();
  kill(getpid(), SIGTERM);
  asked[1].WaitForNotification();
  kill(getpid(), SIGINT);
  asked[2].WaitForNotification();
  absl::Notification().WaitForNotification();
}

TEST(InterruptWatchDeathTest, ASecondSignalEndsTheProcessUnlessItComesAtOnce) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(SignalThrice(5000, 5999, 6000), ::testing::ExitedWithCode(128 + SIGINT), "");
  EXPECT_EXIT(SignalThrice(5000, 6000, 6000), ::testing::ExitedWithCode(128 + SIGTERM), "");
}

}  // namespace
}  // namespace lossd::cli
