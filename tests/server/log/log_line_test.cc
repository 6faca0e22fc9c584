// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/log/log_line.h"

#include <cmath>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace lossd {
namespace {

using ::testing::HasSubstr;

const absl::Time kTime = absl::FromUnixMillis(1'700'000'000'123);

std::string Line(LogFormat format, absl::Time time, LogLevel level, absl::string_view message,
                 const std::vector<LogField>& fields) {
  std::string text;
  {
    LogLine line(format, time, level, message, text);
    for (const LogField& field : fields) line.Add(field);
  }
  return text;
}

TEST(LogLineTest, JsonHoldsTimeLevelMessageAndFieldsInOrder) {
  EXPECT_EQ(Line(LogFormat::kJson, kTime, LogLevel::kWarning, "call",
                 {{"text", "a"}, {"count", int64_t{3}}, {"seconds", 0.5}, {"flag", true}}),
            R"({"time":"2023-11-14T22:13:20.123000Z","level":"warning","message":"call","text":"a","count":3,)"
            "\"seconds\":0.5,\"flag\":true}\n");
}

TEST(LogLineTest, JsonStaysOneLineOfValidJsonWhateverTheTextIs) {
  const std::string hostile = std::string("quote\" slash\\ line\n nul\0 end", 27) + "\xff\xc3";
  const std::string line = Line(LogFormat::kJson, kTime, LogLevel::kInfo, hostile, {{"id", hostile}});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto json = nlohmann::json::parse(line, nullptr, false);
  ASSERT_FALSE(json.is_discarded());
  EXPECT_THAT(json["id"].get<std::string>(), HasSubstr("quote\" slash\\ line\n"));
}

TEST(LogLineTest, TextQuotesWhatIsNotOneWord) {
  EXPECT_EQ(Line(LogFormat::kText, kTime, LogLevel::kInfo, "call",
                 {{"id", "plain"}, {"error", "two words\n"}, {"count", int64_t{3}}, {"flag", false}}),
            "2023-11-14T22:13:20.123000Z INFO call id=plain error=\"two words\\n\" count=3 flag=false\n");
}

TEST(LogLineTest, LinesAreAppended) {
  std::string text;
  LogLine(LogFormat::kText, kTime, LogLevel::kInfo, "one", text).Add("seconds", 1.5);
  LogLine(LogFormat::kText, kTime, LogLevel::kError, "two", text).Add("peer", "unix:");
  EXPECT_EQ(text,
            "2023-11-14T22:13:20.123000Z INFO one seconds=1.5\n2023-11-14T22:13:20.123000Z ERROR two peer=unix:\n");
}

TEST(LogLineTest, TimesAreThoseOfTheirLineWhateverCameBefore) {
  std::mt19937_64 random(1);
  std::uniform_int_distribution<int64_t> micros(-3'000'000, 3'000'000);
  for (int i = 0; i < 1000; ++i) {
    const absl::Time time = absl::FromUnixMicros(micros(random));
    const std::string expected = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ INFO m\n", time, absl::UTCTimeZone());
    EXPECT_EQ(Line(LogFormat::kText, time, LogLevel::kInfo, "m", {}), expected);
  }
}

TEST(LogLineTest, NumbersThatJsonDoesNotKnowAreNull) {
  for (const double value : {double{NAN}, double{INFINITY}, -double{INFINITY}}) {
    EXPECT_THAT(Line(LogFormat::kJson, kTime, LogLevel::kInfo, "call", {{"seconds", value}}),
                HasSubstr("\"seconds\":null}"));
  }
}

TEST(LogLineTest, NumbersKeepTheirValue) {
  EXPECT_THAT(Line(LogFormat::kJson, kTime, LogLevel::kInfo, "call", {{"seconds", 12345.678901}}),
              HasSubstr("\"seconds\":12345.678901}"));
  std::mt19937_64 random(2);
  for (int i = 0; i < 1000; ++i) {
    const double value = std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 600) - 300);
    const auto json = nlohmann::json::parse(Line(LogFormat::kJson, kTime, LogLevel::kInfo, "m", {{"v", value}}));
    EXPECT_EQ(json["v"].get<double>(), value);
  }
}

TEST(LogLineTest, LinesAreWholeHoweverLongTheirFieldsAre) {
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    std::vector<LogField> fields;
    nlohmann::ordered_json expected;
    for (const char* key : {"a", "b", "c", "d", "e", "f"}) {
      std::string text(random() % (2 * TextGatherer::kMaxRoom), 'x');
      if (random() % 2 == 0) text += '"';
      expected[key] = text;
      fields.push_back({key, std::move(text)});
    }
    std::string line = expected.dump();
    line.replace(0, 1, R"({"time":"2023-11-14T22:13:20.123000Z","level":"info","message":"m",)");
    EXPECT_EQ(Line(LogFormat::kJson, kTime, LogLevel::kInfo, "m", fields), line + "\n");
  }
}

TEST(LogLineTest, LevelsAreReadByName) {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    EXPECT_EQ(ParseLogLevel(LogLevelName(level)), level);
  }
  EXPECT_EQ(ParseLogLevel("verbose"), LogLevel::kInfo);
}

TEST(LogLineTest, DurationsAreSecondsToTheNanosecond) {
  const auto seconds = [](absl::Duration duration) {
    std::string text;
    LogLine(LogFormat::kText, kTime, LogLevel::kInfo, "call", text).Add("seconds", duration);
    return text.substr(text.find('=') + 1);
  };
  EXPECT_EQ(seconds(absl::ZeroDuration()), "0\n");
  EXPECT_EQ(seconds(absl::Nanoseconds(1)), "0.000000001\n");
  EXPECT_EQ(seconds(absl::Nanoseconds(12'345'600)), "0.0123456\n");
  EXPECT_EQ(seconds(absl::Seconds(10)), "10\n");
  EXPECT_EQ(seconds(absl::Milliseconds(100'500)), "100.5\n");
  EXPECT_EQ(seconds(-absl::Milliseconds(500)), "-0.5\n");
  EXPECT_EQ(seconds(absl::InfiniteDuration()), "inf\n");
}

}  // namespace
}  // namespace lossd
