// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/subcommand.h"

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

}  // namespace
}  // namespace lossd::cli
