// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/subcommand.h"

#include <cerrno>
#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::cli {
namespace {

TEST(UsageErrorTest, IsToldFromAServersRefusal) {
  EXPECT_TRUE(IsUsageError(UsageError("--loss: expected one")));
  EXPECT_THAT(UsageError("--loss: expected one"),
              testing::StatusIs(absl::StatusCode::kInvalidArgument, "--loss: expected one"));
  EXPECT_FALSE(IsUsageError(absl::InvalidArgumentError("loss: expected one")));
  EXPECT_FALSE(IsUsageError(absl::OkStatus()));
}

TEST(LocalErrorTest, IsToldFromAServersRefusalAndKeepsItsText) {
  const absl::Status local = LocalError(absl::UnavailableError("x: cannot be written"));
  EXPECT_TRUE(IsLocalError(local));
  EXPECT_FALSE(IsUsageError(local));
  EXPECT_EQ(local.message(), "x: cannot be written");
  EXPECT_FALSE(IsLocalError(absl::UnavailableError("x")));
}

TEST(ReasonTest, IsTheSystemsWordOrNothing) {
  EXPECT_EQ(Reason(ENOSPC), ": No space left on device");
  EXPECT_EQ(Reason(0), "");
}

TEST(FileTextTest, IsTheWholeContentOrAUsageError) {
  const std::string path = ::testing::TempDir() + "/subcommand_file";
  for (const std::string& text : {std::string("two\nlines\0", 10), std::string()}) {
    std::ofstream(path, std::ios::binary) << text;
    ASSERT_OK_AND_ASSIGN(const std::string read, ReadFlagFile("--flag", path));
    EXPECT_EQ(read, text);
  }
  for (const char* unreadable : {"/no/such: No such file or directory", "/tmp: Is a directory"}) {
    const std::string text = unreadable;
    const absl::Status status = ReadFlagFile("--flag", text.substr(0, text.find(':'))).status();
    EXPECT_TRUE(IsUsageError(status));
    EXPECT_EQ(status.message(), "--flag: cannot read " + text);
  }
}

}  // namespace
}  // namespace lossd::cli
