// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/paper_commands.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/lossctl_fixture.h"

namespace lossd::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(LossctlTest, ManHasEveryCommandsFlags) {
  EXPECT_EQ(Run({"man"}), kExitOk);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr(".SH \"COMPUTE\""), HasSubstr("\\-\\-loss"),
                                HasSubstr("\\-\\-max\\-regression"), HasSubstr(".SH \"COMPLETION\"")));
}

TEST_F(LossctlTest, CompletionNamesItsShells) {
  EXPECT_EQ(Run({"completion", "bash"}), kExitOk);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("info compute check load completion man"), HasSubstr("--server")));
  EXPECT_EQ(Run({"completion", "ed"}), kExitUsage);
  EXPECT_EQ(err_.str(), "lossctl: shell: expected bash, zsh or fish, got 'ed'\n");
  EXPECT_EQ(Run({"completion"}), kExitUsage);
}

}  // namespace
}  // namespace lossd::cli
