// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/status/errno_text.h"

#include <cerrno>

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(ErrnoTextTest, SaysWhatTheNumberMeans) {
  EXPECT_EQ(ErrnoText(ENOENT), "No such file or directory");
  EXPECT_EQ(ErrnoText(EADDRINUSE), "Address already in use");
}

TEST(ErrnoTextTest, NamesANumberThatIsNone) {
  EXPECT_EQ(ErrnoText(12345), "Unknown error 12345");
  EXPECT_EQ(ErrnoText(-1), "Unknown error -1");
}

TEST(ErrnoTextTest, LeavesErrnoAsItIs) {
  errno = EPIPE;
  ErrnoText(-1);
  EXPECT_EQ(errno, EPIPE);
}

}  // namespace
}  // namespace lossd
