// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/log/logger.h"

#include <unistd.h>

#include <memory>
#include <thread>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/simulated_clock.h"

namespace lossd {
namespace {

using ::lossd::testing::SimulatedClock;
using ::testing::HasSubstr;

const absl::Time kTime = absl::FromUnixMillis(1'700'000'000'123);

TEST(LoggerTest, WritesLinesOfItsLevelAndAboveInOrder) {
  std::string written;
  SimulatedClock clock(kTime);
  {
    Logger logger(
        LogLevel::kInfo, LogFormat::kText, [&](absl::string_view lines) { written += std::string(lines); }, clock);
    EXPECT_FALSE(logger.enabled(LogLevel::kDebug));
    logger.Log(LogLevel::kDebug, "hidden");
    logger.Log(LogLevel::kInfo, "first");
    logger.Log(LogLevel::kError, "second");
  }
  EXPECT_EQ(written, "2023-11-14T22:13:20.123000Z INFO first\n2023-11-14T22:13:20.123000Z ERROR second\n");
}

TEST(LoggerTest, FieldsThatTakeTimeAreMadeOnTheLoggersThread) {
  std::string written;
  std::thread::id made_on;
  SimulatedClock clock(kTime);
  {
    Logger logger(
        LogLevel::kInfo, LogFormat::kText, [&](absl::string_view lines) { written += std::string(lines); }, clock);
    logger.LogLater(kTime, LogLevel::kDebug, "hidden", [](LogLine&) {});
    logger.LogLater(kTime, LogLevel::kInfo, "call", [&](LogLine& line) {
      made_on = std::this_thread::get_id();
      line.Add("inputs", 2);
    });
  }
  EXPECT_THAT(written, HasSubstr("INFO call inputs=2\n"));
  EXPECT_NE(made_on, std::this_thread::get_id());
}

TEST(LoggerTest, SinkThatBlocksHoldsUpNobodyAndLostLinesAreCounted) {
  std::string written;
  absl::Mutex sink_blocked;
  sink_blocked.Lock();
  SimulatedClock clock(kTime);  // However long the writer takes for so much, the logger waits for it.
  {
    Logger logger(
        LogLevel::kInfo, LogFormat::kText,
        [&](absl::string_view lines) {
          absl::MutexLock lock(&sink_blocked);
          written += std::string(lines);
        },
        clock);
    const std::string large(1 << 20, 'x');
    // Twice what may wait: even if the writer has taken the first half, some lines find no room.
    for (size_t i = 0; i < 2 * Logger::kMaxPendingBytes / large.size() + 2; ++i) logger.Log(LogLevel::kInfo, large);
    sink_blocked.Unlock();
  }
  EXPECT_THAT(written, HasSubstr("log lines dropped lines="));
}

// What the sink that is left behind goes on with is not the test's.
TEST(LoggerTest, SinkThatNeverReturnsDoesNotHoldUpTheEnd) {
  struct Stuck {
    absl::Notification entered;
    absl::Notification released;
    absl::Notification returned;
  };
  const auto stuck = std::make_shared<Stuck>();
  {
    Logger logger(LogLevel::kInfo, LogFormat::kText, [stuck](absl::string_view) {
      stuck->entered.Notify();
      stuck->released.WaitForNotification();
      stuck->returned.Notify();
    });
    logger.Log(LogLevel::kInfo, "a line that nobody takes");
    stuck->entered.WaitForNotification();
  }
  EXPECT_FALSE(stuck->returned.HasBeenNotified());
  stuck->released.Notify();
  stuck->returned.WaitForNotification();
}

// stderr as a pipe whose reader has stopped reading.
TEST(LoggerDeathTest, FullPipeTakesNoLongerThanItsPatience) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        int ends[2];
        if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0) _exit(1);
        const std::string more_than_it_holds(1 << 20, 'x');
        WriteToStderrWithin(absl::Milliseconds(1), more_than_it_holds);
        WriteToStderrWithin(absl::Milliseconds(1), "more");
        WriteToStderrWithin(absl::Milliseconds(-2), "as if writing what went before had taken too long");
        _exit(7);
      },
      ::testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace lossd
