// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/system_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::IsOkAndHolds;
using ::lossd::testing::StatusIs;
using ::testing::Contains;
using ::testing::Not;
using ::testing::StartsWith;

TEST(SystemFilesTest, TextOfAFileOfUnknownSizeAndOfNone) {
  EXPECT_THAT(FileTextOrEmpty("/proc/self/stat"), StartsWith(std::to_string(getpid())));
  EXPECT_EQ(FileTextOrEmpty("/nowhere"), "");
}

TEST(SystemFilesTest, RegularFilesAreReadWholeUpToABound) {
  const testing::TemporaryFolder folder;
  const std::string text(10'000, 'x');
  std::ofstream(folder.File("file")) << text;
  std::filesystem::create_symlink("file", folder.File("link"));
  EXPECT_THAT(ReadRegularFile(folder.File("link"), text.size()), IsOkAndHolds(text));
  EXPECT_THAT(ReadRegularFile(folder.File("link"), text.size() - 1),
              StatusIs(absl::StatusCode::kInvalidArgument, "it has more than 9999 bytes"));
}

TEST(SystemFilesTest, WhatIsNoRegularFileIsNotWaitedFor) {
  const testing::TemporaryFolder folder;
  ASSERT_EQ(mkfifo(folder.File("pipe").c_str(), 0600), 0);
  for (const std::string& path : {folder.File("pipe"), folder.path(), std::string("/dev/zero")}) {
    EXPECT_THAT(ReadRegularFile(path, 10), StatusIs(absl::StatusCode::kInvalidArgument, "it is no regular file"));
  }
  EXPECT_THAT(ReadRegularFile(folder.File("none"), 10),
              StatusIs(absl::StatusCode::kInvalidArgument, "No such file or directory"));
}

TEST(SystemFilesTest, OpenFilesAreThoseThatAreOpen) {
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_THAT(OpenFiles(), Contains(fd));
  close(fd);
  EXPECT_THAT(OpenFiles(), Not(Contains(fd)));
}

}  // namespace
}  // namespace lossd
