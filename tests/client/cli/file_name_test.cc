// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/file_name.h"

#include "gtest/gtest.h"

namespace lossd::cli {
namespace {

TEST(IsFileNameTest, TakesNamesThatStayInTheirFolder) {
  for (const char* name : {"x.0", "parameters.context_cnn.blocks.0.0.weight", "größe", "..."}) {
    EXPECT_TRUE(IsFileName(name)) << name;
  }
  for (const char* name : {"", ".", "..", "a/b", "../a", "a\\b", "a\nb", "a\x1b"})
    EXPECT_FALSE(IsFileName(name)) << name;
  EXPECT_FALSE(IsFileName(absl::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace lossd::cli
