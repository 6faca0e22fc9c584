// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The golden cases, from the binary lossctl through a socket to the binary lossd and back.

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::BuiltProgram;
using ::lossd::testing::ChildProcess;
using ::lossd::testing::ServerProcess;

const std::string& GoldenFolder() {
  static const std::string folder = std::string(std::getenv("LOSSD_SOURCE_DIR")) + "/tests/golden";
  return folder;
}

TEST(GoldenThroughServerTest, TheServerMatchesTheReference) {
  ASSERT_OK_AND_ASSIGN(const auto server, ServerProcess::Start());
  const auto check =
      ChildProcess::Start({BuiltProgram("lossctl"), "check", GoldenFolder(), "--json", "--target", server->address()});
  ASSERT_NE(check, nullptr);
  EXPECT_EQ(check->Wait(), 0) << check->Output() << check->Errors();
  const nlohmann::json report = nlohmann::json::parse(check->Output(), nullptr, false);
  ASSERT_TRUE(report.is_object()) << check->Output();
  EXPECT_EQ(report["summary"]["failed"], 0);
  EXPECT_EQ(report["summary"]["passed"], 64);
  EXPECT_EQ(report["summary"]["refused as expected"], 22);
  EXPECT_EQ(report["summary"]["informative"], 11);
  EXPECT_EQ(report["summary"]["skipped"], 6);
}

TEST(GoldenThroughServerTest, FailsWhereThereIsNoServer) {
  const auto check = ChildProcess::Start({BuiltProgram("lossctl"), "check", GoldenFolder(), "--target",
                                          "unix:/no/such/socket", "--connect-timeout", "50ms"});
  ASSERT_NE(check, nullptr);
  EXPECT_EQ(check->Wait(), 1);
  EXPECT_THAT(check->Errors(), ::testing::HasSubstr("no connection to unix:/no/such/socket"));
}

}  // namespace
}  // namespace lossd
