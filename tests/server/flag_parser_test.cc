// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <fstream>
#include <map>

#include "absl/flags/reflection.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/flags.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::lossd::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Puts every flag back afterwards.
class FlagParserTest : public ::testing::Test {
 protected:
  static Environment Holding(std::map<std::string, std::string> variables) {
    return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
    };
  }
  const Environment empty_ = Holding({});

 private:
  const absl::FlagSaver saver_;
};

TEST_F(FlagParserTest, EveryFormOfAnArgumentIsRead) {
  ASSERT_OK(ParseFlags({"--listen=a:1,unix:/x", "--max_queue_delay", "2ms", "--http_listen=", "--validate_config",
                        "--max_inflight_bytes=5"},
                       empty_));
  const ServerOptions options = OptionsFromFlags();
  EXPECT_THAT(options.listen, ElementsAre("a:1", "unix:/x"));
  EXPECT_THAT(options.http_listen, IsEmpty());
  EXPECT_EQ(options.max_queue_delay, absl::Milliseconds(2));
  EXPECT_EQ(options.max_inflight_bytes, 5);
  EXPECT_EQ(ActionFromFlags(), Action::kValidateConfig);
  ASSERT_OK(ParseFlags({"--novalidate_config", "--version"}, empty_));
  EXPECT_EQ(ActionFromFlags(), Action::kVersion);
}

TEST_F(FlagParserTest, ArgumentsWinOverTheEnvironment) {
  ASSERT_OK(ParseFlags({"--threads=3"}, Holding({{"LOSSD_THREADS", "2"}, {"LOSSD_DEVICE", "cpu"}})));
  EXPECT_EQ(OptionsFromFlags().threads, 3);
  EXPECT_EQ(OptionsFromFlags().device, "cpu");
}

TEST_F(FlagParserTest, FlagfileStandsForItsLines) {
  const TemporaryFolder folder;
  std::ofstream(folder.File("inner")) << "--threads=5\n";
  std::ofstream(folder.File("outer")) << "# comment\n\n--device=cpu\n  --flagfile=" << folder.File("inner") << "\n";
  ASSERT_OK(ParseFlags({"--threads=1", "--flagfile", folder.File("outer")}, empty_));
  EXPECT_EQ(OptionsFromFlags().threads, 5);
  EXPECT_EQ(OptionsFromFlags().device, "cpu");
}

TEST_F(FlagParserTest, FlagfileOfTheEnvironmentComesBeforeItsOtherVariables) {
  const TemporaryFolder folder;
  std::ofstream(folder.File("flags")) << "--threads=5\n--device=cpu\n--max_batch_requests=6\n";
  ASSERT_OK(
      ParseFlags({"--device=aten-cpu"}, Holding({{"LOSSD_FLAGFILE", folder.File("flags")}, {"LOSSD_THREADS", "2"}})));
  EXPECT_EQ(OptionsFromFlags().threads, 2);
  EXPECT_EQ(OptionsFromFlags().device, "aten-cpu");
  EXPECT_EQ(OptionsFromFlags().max_batch_requests, 6);
  EXPECT_THAT(ParseFlags({}, Holding({{"LOSSD_FLAGFILE", "/nowhere"}})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("LOSSD_FLAGFILE: --flagfile: cannot read")));
}

TEST_F(FlagParserTest, FlagfileThatNamesItselfIsRefused) {
  const TemporaryFolder folder;
  std::ofstream(folder.File("self")) << "--flagfile=" << folder.File("self") << "\n";
  EXPECT_THAT(ParseFlags({"--flagfile=" + folder.File("self")}, empty_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--flagfile: expected files nested at most 8")));
}

TEST_F(FlagParserTest, MistakesAreNamed) {
  const auto error = [this](std::vector<std::string> arguments) { return ParseFlags(arguments, empty_); };
  EXPECT_THAT(error({"--bogus"}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--bogus: expected a flag")));
  EXPECT_THAT(error({"--threads=x"}), StatusIs(absl::StatusCode::kInvalidArgument,
                                               HasSubstr("--threads: expected a value of its type, got \"x\"")));
  EXPECT_THAT(error({"--threads"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "--threads: expected a value, got none"));
  EXPECT_THAT(error({"serve"}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got \"serve\"")));
  EXPECT_THAT(error({"--flagfile=/nowhere"}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("/nowhere")));
  EXPECT_THAT(error({"--flagfile=/"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--flagfile: cannot read \"/\"")));
  EXPECT_THAT(ParseFlags({}, Holding({{"LOSSD_THREADS", "many"}})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("LOSSD_THREADS: --threads")));
}

}  // namespace
}  // namespace lossd
