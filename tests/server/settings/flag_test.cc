// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/settings/flag.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

const Flag& Bytes() {
  static const auto* const flag =
      new Flag{"size", BytesFlag{&ServerOptions::max_message_bytes, 1024, 1 << 30}, "A size."};
  return *flag;
}

const Flag& Duration() {
  static const auto* const flag =
      new Flag{"delay", DurationFlag{&ServerOptions::drain_delay, absl::ZeroDuration(), absl::Hours(24)}, "A delay."};
  return *flag;
}

TEST(FlagTest, BytesAreReadCheckedAndPrintedWithTheirUnit) {
  CommandLine line;
  ASSERT_OK(SetFlag(Bytes(), "4MiB", line));
  EXPECT_EQ(line.options.max_message_bytes, 4 << 20);
  EXPECT_OK(CheckFlag(Bytes(), line.options));
  EXPECT_EQ(FlagText(Bytes(), line.options), "4MiB");
  EXPECT_EQ(std::get<int64_t>(ValueOf(Bytes(), line.options)), 4 << 20);
  EXPECT_THAT(SetFlag(Bytes(), "4Mega", line),
              StatusIs(kInvalid, "--size: expected bytes, such as 268435456 or 256MiB, got \"4Mega\""));
  ASSERT_OK(SetFlag(Bytes(), "2GiB", line));
  EXPECT_THAT(CheckFlag(Bytes(), line.options),
              StatusIs(kInvalid, "--size: expected 1024 to 1073741824 bytes, got 2147483648"));
}

TEST(FlagTest, DurationWithoutUnitIsToldToHaveOne) {
  CommandLine line;
  EXPECT_THAT(SetFlag(Duration(), "5", line),
              StatusIs(kInvalid,
                       "--delay: expected a duration with its unit, such as 10s, 500ms or 1m30s, got \"5\", "
                       "which has none"));
  EXPECT_THAT(SetFlag(Duration(), "soon", line),
              StatusIs(kInvalid,
                       "--delay: expected a duration with its unit, such as 10s, 500ms or 1m30s, got "
                       "\"soon\""));
  ASSERT_OK(SetFlag(Duration(), "1m30s", line));
  EXPECT_EQ(line.options.drain_delay, absl::Seconds(90));
  EXPECT_EQ(std::get<std::string>(ValueOf(Duration(), line.options)), "1m30s");
  ASSERT_OK(SetFlag(Duration(), "-1s", line));
  EXPECT_THAT(CheckFlag(Duration(), line.options),
              StatusIs(kInvalid, "--delay: expected a duration of at least 0s and at most 24h, got -1s"));
}

TEST(FlagTest, NumbersArePrintedAsTheyAre) {
  const Flag flag{"f", NumberFlag{&ServerOptions::max_request_flops}, ""};
  CommandLine line;
  ASSERT_OK(SetFlag(flag, "1000000000001", line));
  EXPECT_EQ(FlagText(flag, line.options), "1000000000001");
  ASSERT_OK(SetFlag(flag, "1e12", line));
  EXPECT_EQ(FlagText(flag, line.options), "1e+12");
}

TEST(FlagTest, AddressesAreALineOfThem) {
  const Flag flag{"at", AddressesFlag{&ServerOptions::http_listen, /*unix_allowed=*/false}, ""};
  CommandLine line;
  ASSERT_OK(SetFlag(flag, " a:1, ,b:2", line));
  EXPECT_THAT(line.options.http_listen, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(FlagText(flag, line.options), "a:1,b:2");
  ASSERT_OK(SetFlag(flag, "unix:/x", line));
  EXPECT_THAT(CheckFlag(flag, line.options), StatusIs(kInvalid, "--at: expected host:port, got \"unix:/x\""));
}

TEST(FlagTest, NumbersTextsAndSwitchesRefuseOthers) {
  CommandLine line;
  const Flag count{"n", CountFlag{&ServerOptions::threads, 0, 8}, ""};
  EXPECT_THAT(SetFlag(count, "x", line), StatusIs(kInvalid, "--n: expected an integer, got \"x\""));
  ASSERT_OK(SetFlag(count, "9", line));
  EXPECT_THAT(CheckFlag(count, line.options), StatusIs(kInvalid, "--n: expected an integer from 0 to 8, got 9"));
  const Flag number{"f", NumberFlag{&ServerOptions::max_request_flops}, ""};
  EXPECT_THAT(SetFlag(number, "1e", line), StatusIs(kInvalid, "--f: expected a number, got \"1e\""));
  const Flag text{"level", TextFlag{&ServerOptions::log_level, {"info", "error"}}, ""};
  ASSERT_OK(SetFlag(text, "loud", line));
  EXPECT_THAT(CheckFlag(text, line.options), StatusIs(kInvalid, "--level: expected one of info, error, got \"loud\""));
  const Flag action{"help", ActionFlag{Action::kHelp}, ""};
  EXPECT_TRUE(IsSwitch(action));
  EXPECT_THAT(SetFlag(action, "maybe", line), StatusIs(kInvalid, "--help: expected true or false, got \"maybe\""));
  ASSERT_OK(SetFlag(action, "true", line));
  EXPECT_EQ(line.action(), Action::kHelp);
  ASSERT_OK(SetFlag(action, "false", line));
  EXPECT_EQ(line.action(), Action::kServe);
}

}  // namespace
}  // namespace lossd
