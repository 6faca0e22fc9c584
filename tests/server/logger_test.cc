// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/logger.h"

#include <thread>

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
  {
    Logger logger(LogLevel::kInfo, LogFormat::kText, [&](absl::string_view lines) { written += std::string(lines); });
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
  {
    Logger logger(LogLevel::kInfo, LogFormat::kText, [&](absl::string_view lines) {
      absl::MutexLock lock(&sink_blocked);
      written += std::string(lines);
    });
    const std::string large(1 << 20, 'x');
    // Twice what may wait: even if the writer has taken the first half, some lines find no room.
    for (size_t i = 0; i < 2 * Logger::kMaxPendingBytes / large.size() + 2; ++i) logger.Log(LogLevel::kInfo, large);
    sink_blocked.Unlock();
  }
  EXPECT_THAT(written, HasSubstr("log lines dropped lines="));
}

}  // namespace
}  // namespace lossd
