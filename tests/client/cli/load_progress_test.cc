// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/load_progress.h"

#include <algorithm>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// Shows `windows` windows of a second, each with two calls of 3 ms, one of which fails.
std::string Progress(int windows, bool terminal, absl::Duration interval) {
  std::ostringstream out;
  {
    LoadProgress progress(out, terminal, interval);
    const absl::Time begin = absl::FromUnixSeconds(1000);
    load::Level level;
    level.concurrency = 4;
    for (int i = 0; i < windows; ++i) {
      load::Window window;
      window.start = absl::Seconds(i);
      window.length = absl::Seconds(1);
      load::CallOutcome outcome;
      outcome.finished = outcome.intended + absl::Milliseconds(3);
      window.calls.Add(outcome);
      outcome.status = absl::InternalError("x");
      window.calls.Add(outcome);
      progress.Show(begin + absl::Seconds(i + 1), level, window);
    }
  }
  return out.str();
}

TEST(LoadProgressTest, ATerminalHasOneLineThatIsWipedInTheEnd) {
  const std::string text = Progress(3, true, absl::Seconds(10));
  EXPECT_THAT(text,
              StartsWith("\r\x1b[Kconcurrency 4, 1 s: 1 calls/s, p50 3.000 ms, p99 3.000 ms, 1 errors, 0 skipped"));
  EXPECT_THAT(text, HasSubstr("concurrency 4, 3 s"));
  EXPECT_THAT(text, EndsWith("\r\x1b[K"));
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(LoadProgressTest, AFileHasALineEveryInterval) {
  const std::string text = Progress(7, false, absl::Seconds(3));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_THAT(text, StartsWith("concurrency 4, 3 s"));
  EXPECT_THAT(text, HasSubstr("\nconcurrency 4, 6 s"));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
}

TEST(LoadProgressTest, AFileHasNothingWhereNoIntervalIsSetOrReached) {
  EXPECT_THAT(Progress(5, false, absl::ZeroDuration()), IsEmpty());
  EXPECT_THAT(Progress(5, false, absl::Seconds(10)), IsEmpty());
}

}  // namespace
}  // namespace lossd::cli
