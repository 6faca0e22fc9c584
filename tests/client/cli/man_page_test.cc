// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/man_page.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::cli {
namespace {

using ::testing::HasSubstr;

TEST(ManPageTest, HasEveryCommandAndFlagInRoff) {
  const std::string page = ManPage({{"lossctl", "Talks.", "", "", {}},
                                    {"load",
                                     "Load a server.",
                                     ".hidden\nC:\\x",
                                     "Inputs as name=file",
                                     {{{"-x", "--target"}, "TEXT", "host:port", "Connection", "localhost:50051"},
                                      {{"--stream"}, "", "Streams", "Connection", ""}}}});
  EXPECT_THAT(page, HasSubstr(".TH LOSSCTL 1\n"));
  EXPECT_THAT(page, HasSubstr(".B lossctl load\n[flags] [inputs]\n"));
  EXPECT_THAT(
      page,
      HasSubstr(".SS \"Connection\"\n.TP\n.B \\-x, \\-\\-target \\fITEXT\\fR\nhost:port\nDefault: localhost:50051.\n"));
  EXPECT_THAT(page, HasSubstr(".TP\n.B \\-\\-stream\nStreams\n"));
  EXPECT_THAT(page, HasSubstr("\\&.hidden\nC:\\ex\n"));
}

}  // namespace
}  // namespace lossd::cli
