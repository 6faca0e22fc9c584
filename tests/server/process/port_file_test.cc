// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/port_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::lossd::testing::TemporaryFolder;
using ::testing::HasSubstr;

int64_t FilesIn(const TemporaryFolder& folder) {
  return std::distance(std::filesystem::directory_iterator(folder.path()), {});
}

TEST(PortFileTest, IsTheJsonOfTheContractAndReadsBack) {
  const TemporaryFolder folder;
  ASSERT_OK(WritePortFile(folder.File("ports"), {{"127.0.0.1:1", "unix:/x"}, {"127.0.0.1:2"}, {}}));
  std::stringstream text;
  text << std::ifstream(folder.File("ports")).rdbuf();
  EXPECT_EQ(text.str(),
            "{\"listen\":[\"127.0.0.1:1\",\"unix:/x\"],\"admin_listen\":[\"127.0.0.1:2\"],\"http_listen\":[]}\n");
  ASSERT_OK_AND_ASSIGN(const ServerAddresses read, ReadPortFile(folder.File("ports")));
  EXPECT_EQ(read.listen, (std::vector<std::string>{"127.0.0.1:1", "unix:/x"}));
  EXPECT_EQ(read.admin_listen, std::vector<std::string>{"127.0.0.1:2"});
}

TEST(PortFileTest, LeavesNothingElseBehind) {
  const TemporaryFolder folder;
  ASSERT_OK(WritePortFile(folder.File("ports"), {}));
  EXPECT_EQ(FilesIn(folder), 1);
}

TEST(PortFileTest, LinkPlantedInPlaceOfTheTemporaryFileIsNotFollowed) {
  const TemporaryFolder folder;
  std::ofstream(folder.File("victim")) << "precious";
  const std::string temporary = folder.File("ports") + "." + std::to_string(getpid()) + ".tmp";
  std::filesystem::create_symlink(folder.File("victim"), temporary);
  ASSERT_OK(WritePortFile(folder.File("ports"), {}));
  std::stringstream text;
  text << std::ifstream(folder.File("victim")).rdbuf();
  EXPECT_EQ(text.str(), "precious");
  EXPECT_FALSE(std::filesystem::is_symlink(folder.File("ports")));
  EXPECT_EQ(FilesIn(folder), 2);
}

// /dev/stdout and /dev/null are such; as root a rename would take them from the whole machine.
TEST(PortFileTest, WhatIsNoFileIsNotReplaced) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo(folder.File("pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink("/dev/null", folder.File("link"));
  for (const char* name : {"pipe", "link"}) {
    EXPECT_THAT(WritePortFile(folder.File(name), {}),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("expected a file or nothing there")));
  }
  EXPECT_TRUE(std::filesystem::is_fifo(folder.File("pipe")));
  EXPECT_TRUE(std::filesystem::is_symlink(folder.File("link")));
  EXPECT_EQ(FilesIn(folder), 2);
}

TEST(PortFileTest, PathThatCannotBeWrittenIsNamed) {
  EXPECT_THAT(WritePortFile("/nowhere/ports", {}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("--port_file: cannot write /nowhere/ports: No such file or directory")));
}

TEST(PortFileTest, FailureLeavesNothingBehind) {
  const TemporaryFolder folder;
  ASSERT_TRUE(std::filesystem::create_directory(folder.File("ports")));
  EXPECT_THAT(WritePortFile(folder.File("ports"), {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("Is a directory")));
  EXPECT_EQ(FilesIn(folder), 1);
}

TEST(PortFileTest, OtherContentIsRefused) {
  const TemporaryFolder folder;
  EXPECT_THAT(ReadPortFile(folder.File("none")), StatusIs(absl::StatusCode::kNotFound));
  for (const auto& [text, got] : {std::pair("", "no"), std::pair("50051\n{", "no"), std::pair("[]", "other"),
                                  std::pair("{\"listen\": 1}", "other"), std::pair("{\"listen\": []}", "other")}) {
    std::ofstream(folder.File("ports")) << text;
    EXPECT_THAT(
        ReadPortFile(folder.File("ports")),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 absl::StrCat("--port_file: expected JSON with the lists listen, admin_listen and http_listen in ",
                              folder.File("ports"), ", got ", got, " JSON")))
        << text;
  }
}

}  // namespace
}  // namespace lossd
