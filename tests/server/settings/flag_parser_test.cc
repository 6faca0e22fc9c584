// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/settings/flag_parser.h"

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/settings/flag_table.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::lossd::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

ServerOptions OptionsOf(const std::vector<std::string>& arguments, const Environment& environment = {}) {
  const auto line = ParseFlags(arguments, environment);
  EXPECT_OK(line);
  return line.ok() ? line->options : ServerOptions();
}

absl::Status ErrorOf(const std::vector<std::string>& arguments, const Environment& environment = {}) {
  return ParseFlags(arguments, environment).status();
}

TEST(FlagParserTest, NothingGivenIsTheDefaultsAndServes) {
  ASSERT_OK_AND_ASSIGN(const CommandLine line, ParseFlags({}, {}));
  EXPECT_THAT(line.options.listen, ElementsAre("0.0.0.0:50051"));
  EXPECT_EQ(line.options.max_message_bytes, 268435456);
  EXPECT_EQ(line.options.shutdown_timeout, absl::Seconds(20));
  EXPECT_EQ(line.action(), Action::kServe);
  EXPECT_OK(ValidateOptions(line.options));
}

TEST(FlagParserTest, HelpNamesEveryFlagWithItsDefault) {
  const std::string help = HelpText();
  for (const FlagGroup& group : FlagGroups()) {
    EXPECT_THAT(help, HasSubstr(group.title));
    for (const Flag& flag : group.flags) EXPECT_THAT(help, HasSubstr("  --" + flag.name));
  }
  EXPECT_THAT(help, HasSubstr("--max_message_bytes=256MiB\n"));
}

TEST(FlagParserTest, EveryFormOfAnArgumentIsRead) {
  ASSERT_OK_AND_ASSIGN(const CommandLine line,
                       ParseFlags({"--listen=a:1,unix:/x", "--max_queue_delay", "2ms",
                                   "--http_listen=", "--validate_config", "--max_inflight_bytes=5GiB"},
                                  {}));
  EXPECT_THAT(line.options.listen, ElementsAre("a:1", "unix:/x"));
  EXPECT_THAT(line.options.http_listen, IsEmpty());
  EXPECT_EQ(line.options.max_queue_delay, absl::Milliseconds(2));
  EXPECT_EQ(line.options.max_inflight_bytes, int64_t{5} << 30);
  EXPECT_EQ(line.action(), Action::kValidateConfig);
  ASSERT_OK_AND_ASSIGN(const CommandLine other,
                       ParseFlags({"--validate_config", "--novalidate_config", "--version"}, {}));
  EXPECT_EQ(other.action(), Action::kVersion);
}

TEST(FlagParserTest, HyphensAreUnderscoresInNames) {
  const ServerOptions options = OptionsOf({"--max-message-bytes", "2048", "--drain-delay=1s", "--port-file=a-b"});
  EXPECT_EQ(options.max_message_bytes, 2048);
  EXPECT_EQ(options.drain_delay, absl::Seconds(1));
  EXPECT_EQ(options.port_file, "a-b");
}

TEST(FlagParserTest, ShortHelpIsHelp) {
  ASSERT_OK_AND_ASSIGN(const CommandLine line, ParseFlags({"-h"}, {}));
  EXPECT_EQ(line.action(), Action::kHelp);
}

TEST(FlagParserTest, ArgumentsWinOverTheEnvironment) {
  const ServerOptions options = OptionsOf({"--threads=3"}, {{"LOSSD_THREADS", "2"}, {"LOSSD_DEVICE", "cpu"}});
  EXPECT_EQ(options.threads, 3);
  EXPECT_EQ(options.device, "cpu");
}

TEST(FlagParserTest, MisspeltVariableIsRefusedAndThoseOfServicesAreNot) {
  EXPECT_THAT(ErrorOf({}, {{"LOSSD_MAX_MESAGE_BYTES", "5"}}),
              StatusIs(kInvalid,
                       "LOSSD_MAX_MESAGE_BYTES: expected a variable of lossd, got another; did you mean "
                       "LOSSD_MAX_MESSAGE_BYTES?"));
  EXPECT_THAT(ErrorOf({}, {{"LOSSD_FLAG_FILE", "/x"}}), StatusIs(kInvalid, HasSubstr("LOSSD_FLAGFILE?")));
  EXPECT_OK(ErrorOf({}, {{"LOSSD_PORT", "tcp://10.0.0.1:50051"},
                         {"LOSSD_SERVICE_HOST", "10.0.0.1"},
                         {"LOSSD_SERVICE_PORT", "50051"},
                         {"LOSSD_SERVICE_PORT_GRPC", "50051"},
                         {"LOSSD_PORT_50051_TCP_PORT", "50051"},
                         {"LOSSD_PORT_50051_TCP_ADDR", "10.0.0.1"},
                         {"LOSSD_ADMIN_SERVICE_HOST", "10.0.0.2"},
                         {"LOSSD_TARGET", "localhost:50051"},
                         {"MAX_MESAGE_BYTES", "5"}}));
}

TEST(FlagParserTest, APortAloneIsNoVariableOfAService) {
  EXPECT_THAT(ErrorOf({}, {{"LOSSD_PORT", "50051"}}),
              StatusIs(kInvalid,
                       "LOSSD_PORT: expected a variable of lossd, got another; did you mean "
                       "LOSSD_LISTEN=0.0.0.0:50051?"));
}

TEST(FlagParserTest, MoreStreamsThanCallsAreRefusedWhereTheyAreAskedFor) {
  EXPECT_THAT(
      ErrorOf({"--max_concurrent_streams=20", "--max_concurrent_calls=16"}),
      StatusIs(kInvalid, "--max_concurrent_streams: expected at most --max_concurrent_calls, which is 16, got 20"));
  EXPECT_OK(ErrorOf({"--max_concurrent_streams=16", "--max_concurrent_calls=16"}));
  EXPECT_OK(ErrorOf({"--max_concurrent_calls=16"}));
}

TEST(FlagParserTest, FlagfileStandsForItsLines) {
  const TemporaryFolder folder;
  std::ofstream(folder.File("inner")) << "--threads=5\n";
  std::ofstream(folder.File("outer")) << "# comment\n\n--device=cpu\n  --flagfile=" << folder.File("inner") << "\n";
  const ServerOptions options = OptionsOf({"--threads=1", "--flagfile", folder.File("outer")});
  EXPECT_EQ(options.threads, 5);
  EXPECT_EQ(options.device, "cpu");
}

TEST(FlagParserTest, FlagfileMayHaveAByteOrderMarkAndLinesOfWindows) {
  const TemporaryFolder folder;
  std::ofstream(folder.File("flags")) << "\xEF\xBB\xBF--threads=5\r\n--device=cpu";
  const ServerOptions options = OptionsOf({"--flagfile=" + folder.File("flags")});
  EXPECT_EQ(options.threads, 5);
  EXPECT_EQ(options.device, "cpu");
  std::ofstream(folder.File("empty")) << "";
  EXPECT_OK(ErrorOf({"--flagfile=" + folder.File("empty")}));
}

TEST(FlagParserTest, FlagfileIsARegularFileThatEnds) {
  const TemporaryFolder folder;
  std::ofstream(folder.File("large")) << std::string((1 << 20) + 1, '#');
  for (const auto& [path, why] : {std::pair(std::string("/nowhere"), "No such file or directory"),
                                  std::pair(std::string("/"), "it is no regular file"),
                                  std::pair(std::string("/dev/zero"), "it is no regular file"),
                                  std::pair(folder.File("large"), "it has more than 1048576 bytes")}) {
    EXPECT_THAT(ErrorOf({"--flagfile=" + path}),
                StatusIs(kInvalid, "--flagfile: cannot read \"" + path + "\": " + why));
  }
}

TEST(FlagParserTest, FlagfileOfTheEnvironmentComesBeforeItsOtherVariables) {
  const TemporaryFolder folder;
  std::ofstream(folder.File("flags")) << "--threads=5\n--device=cpu\n--max_batch_requests=6\n";
  const ServerOptions options =
      OptionsOf({"--device=aten-cpu"}, {{"LOSSD_FLAGFILE", folder.File("flags")}, {"LOSSD_THREADS", "2"}});
  EXPECT_EQ(options.threads, 2);
  EXPECT_EQ(options.device, "aten-cpu");
  EXPECT_EQ(options.max_batch_requests, 6);
  EXPECT_THAT(ErrorOf({}, {{"LOSSD_FLAGFILE", "/nowhere"}}),
              StatusIs(kInvalid, HasSubstr("LOSSD_FLAGFILE: --flagfile: cannot read")));
}

TEST(FlagParserTest, FlagfileThatNamesItselfIsRefused) {
  const TemporaryFolder folder;
  std::ofstream(folder.File("self")) << "--flagfile=" << folder.File("self") << "\n";
  EXPECT_THAT(ErrorOf({"--flagfile=" + folder.File("self")}),
              StatusIs(kInvalid, HasSubstr("--flagfile: expected files nested at most 8")));
}

TEST(FlagParserTest, MistakesAreNamed) {
  EXPECT_THAT(ErrorOf({"--bogus"}), StatusIs(kInvalid, "--bogus: expected a flag of lossd (see --help), got another"));
  EXPECT_THAT(ErrorOf({"--max-mesage-bytes=5"}),
              StatusIs(kInvalid,
                       "--max-mesage-bytes: expected a flag of lossd (see --help), got another; did you mean "
                       "--max_message_bytes?"));
  EXPECT_THAT(ErrorOf({"-listen=x"}),
              StatusIs(kInvalid,
                       "expected flags only (--name=value, see --help), got \"-listen=x\"; did you mean "
                       "--listen?"));
  EXPECT_THAT(ErrorOf({"--threads=x"}), StatusIs(kInvalid, "--threads: expected an integer, got \"x\""));
  EXPECT_THAT(ErrorOf({"--drain_delay=5"}), StatusIs(kInvalid, HasSubstr("such as 10s, 500ms or 1m30s, got \"5\"")));
  EXPECT_THAT(ErrorOf({"--threads"}), StatusIs(kInvalid, "--threads: expected a value, got none"));
  EXPECT_THAT(ErrorOf({"serve"}), StatusIs(kInvalid, HasSubstr("got \"serve\"")));
  EXPECT_THAT(ErrorOf({"--flagfile=/nowhere"}), StatusIs(kInvalid, HasSubstr("/nowhere")));
  EXPECT_THAT(ErrorOf({"--flagfile=/"}), StatusIs(kInvalid, HasSubstr("--flagfile: cannot read \"/\"")));
  EXPECT_THAT(ErrorOf({}, {{"LOSSD_THREADS", "many"}}), StatusIs(kInvalid, HasSubstr("LOSSD_THREADS: --threads")));
}

}  // namespace
}  // namespace lossd
