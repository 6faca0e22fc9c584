// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/server_process.h"

#include <signal.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

using ::testing::HasSubstr;

TEST(TemporaryFolderTest, IsGoneWithItsContentAfterwards) {
  std::string path;
  {
    const TemporaryFolder folder;
    path = folder.path();
    std::ofstream(folder.File("x")) << "x";
    EXPECT_TRUE(std::filesystem::exists(path + "/x"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ChildProcessTest, GivesOutputErrorsAndExitCode) {
  const auto process = ChildProcess::Start({"/bin/sh", "-c", "echo out; echo err >&2; exit 7"});
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(process->Wait(), 7);
  EXPECT_EQ(process->Wait(), 7);
  EXPECT_EQ(process->Output(), "out\n");
  EXPECT_EQ(process->Errors(), "err\n");
}

TEST(ChildProcessTest, ErrorsCanBeWaitedFor) {
  const auto process = ChildProcess::Start({"/bin/sh", "-c", "echo first >&2; read line; echo second >&2"});
  ASSERT_NE(process, nullptr);
  EXPECT_TRUE(process->AwaitErrors("first"));
  EXPECT_TRUE(process->AwaitErrors("second"));
  EXPECT_FALSE(process->AwaitErrors("third"));
}

TEST(ChildProcessTest, SignalThatEndsItCountsFrom128) {
  const auto process = ChildProcess::Start({"/bin/sleep", "1000"});
  ASSERT_NE(process, nullptr);
  process->Signal(SIGKILL);
  EXPECT_EQ(process->Wait(), 128 + SIGKILL);
}

TEST(ChildProcessTest, ProgramThatIsNotThereCannotStart) {
  EXPECT_EQ(ChildProcess::Start({"/no/such/program"}), nullptr);
}

TEST(ServerProcessTest, IsReadyOnceStartedAndEndsWhenAsked) {
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start());
  EXPECT_THAT(server->address(), HasSubstr("127.0.0.1:"));
  EXPECT_NE(server->address(), server->admin_address());
  EXPECT_NE(server->admin_address(), server->http_address());
  EXPECT_EQ(server->Stop(), 0);
}

TEST(ServerProcessTest, ServerThatEndsInsteadGivesItsLog) {
  EXPECT_THAT(ServerProcess::Start({"--threads=-1"}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("--threads: expected an integer")));
}

}  // namespace
}  // namespace lossd::testing
