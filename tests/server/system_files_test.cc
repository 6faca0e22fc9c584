// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/system_files.h"

#include <fcntl.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::StartsWith;

TEST(SystemFilesTest, TextOfAFileOfUnknownSizeAndOfNone) {
  EXPECT_THAT(FileText("/proc/self/stat"), StartsWith(std::to_string(getpid())));
  EXPECT_EQ(FileText("/nowhere"), "");
}

TEST(SystemFilesTest, OpenFilesAreThoseThatAreOpen) {
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_THAT(OpenFiles(), Contains(fd));
  close(fd);
  EXPECT_THAT(OpenFiles(), Not(Contains(fd)));
}

}  // namespace
}  // namespace lossd
