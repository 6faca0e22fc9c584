// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/status/printable.h"

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(PrintableTest, LeavesTextAlone) {
  for (const char* text : {"", "inputs[x.0]: expected 1, got 2", "größer \xe2\x89\xa5 \xf0\x9f\x98\x80", "C:\\x"}) {
    EXPECT_EQ(Printable(text), text);
  }
}

TEST(PrintableTest, EscapesWhatMovesACursorOrMakesUpLines) {
  EXPECT_EQ(Printable("a\x1b[2Jb\x07"), "a\\x1b[2Jb\\x07");
  EXPECT_EQ(Printable("a\nlossctl: all well\r\t"), "a\\nlossctl: all well\\r\\t");
  EXPECT_EQ(Printable(absl::string_view("\0\x7f", 2)), "\\x00\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");
  EXPECT_EQ(Printable("\xe2\x80\xae"), "\\xe2\\x80\\xae");
}

TEST(PrintableTest, EscapesBytesThatAreNotUtf8) {
  EXPECT_EQ(Printable("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(Printable("\xc3("), "\\xc3(");
  EXPECT_EQ(Printable("\xf5\x80\x80\x80"), "\\xf5\\x80\\x80\\x80");
}

}  // namespace
}  // namespace lossd
