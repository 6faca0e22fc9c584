// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/logger.h"

#include <cmath>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/simulated_clock.h"

namespace lossd {
namespace {

using ::lossd::testing::SimulatedClock;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kTime = absl::FromUnixMillis(1'700'000'000'123);

TEST(LoggerTest, JsonLineHoldsTimeLevelMessageAndFieldsInOrder) {
  EXPECT_EQ(LogLine(LogFormat::kJson, kTime, LogLevel::kWarning, "call",
                    {{"text", "a"}, {"count", int64_t{3}}, {"seconds", 0.5}, {"flag", true}}),
            R"({"time":"2023-11-14T22:13:20.123000Z","level":"warning","message":"call","text":"a","count":3,)"
            R"("seconds":0.5,"flag":true})");
}

TEST(LoggerTest, JsonLineStaysOneLineOfValidJsonWhateverTheTextIs) {
  const std::string hostile = std::string("quote\" slash\\ line\n nul\0 end", 27) + "\xff\xc3";
  const std::string line = LogLine(LogFormat::kJson, kTime, LogLevel::kInfo, hostile, {{"id", hostile}});
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  const auto json = nlohmann::json::parse(line, nullptr, false);
  ASSERT_FALSE(json.is_discarded());
  EXPECT_THAT(json["id"].get<std::string>(), HasSubstr("quote\" slash\\ line\n"));
}

TEST(LoggerTest, TextLineQuotesWhatIsNotOneWord) {
  EXPECT_EQ(LogLine(LogFormat::kText, kTime, LogLevel::kInfo, "call",
                    {{"id", "plain"}, {"error", "two words\n"}, {"count", int64_t{3}}, {"flag", false}}),
            "2023-11-14T22:13:20.123000Z INFO call id=plain error=\"two words\\n\" count=3 flag=false");
}

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
    logger.LogLater(LogLevel::kDebug, "hidden", [] { return std::vector<LogField>(); });
    logger.LogLater(LogLevel::kInfo, "call", [&] {
      made_on = std::this_thread::get_id();
      return std::vector<LogField>{{"inputs", int64_t{2}}};
    });
  }
  EXPECT_THAT(written, HasSubstr("INFO call inputs=2\n"));
  EXPECT_NE(made_on, std::this_thread::get_id());
}

TEST(LoggerTest, NumbersThatJsonDoesNotKnowAreNull) {
  EXPECT_THAT(LogLine(LogFormat::kJson, kTime, LogLevel::kInfo, "call", {{"seconds", NAN}}),
              HasSubstr("\"seconds\":null"));
}

TEST(LoggerTest, NumbersKeepTheirDigitsInJson) {
  EXPECT_THAT(LogLine(LogFormat::kJson, kTime, LogLevel::kInfo, "call", {{"seconds", 12345.678901}}),
              HasSubstr("\"seconds\":12345.678901"));
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

TEST(LoggerTest, LevelsAreReadByName) {
  EXPECT_EQ(ParseLogLevel("debug"), LogLevel::kDebug);
  EXPECT_EQ(ParseLogLevel("info"), LogLevel::kInfo);
  EXPECT_EQ(ParseLogLevel("warning"), LogLevel::kWarning);
  EXPECT_EQ(ParseLogLevel("error"), LogLevel::kError);
}

}  // namespace
}  // namespace lossd
