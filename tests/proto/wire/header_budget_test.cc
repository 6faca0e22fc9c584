// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/header_budget.h"

#include "gtest/gtest.h"
#include "proto/wire/limits.h"
#include "tests/support/status_matchers.h"

namespace lossd::wire {
namespace {

using ::lossd::testing::StatusIs;

TEST(HeaderBudgetTest, AllowsAsManyBytesAsTheLimitAltogether) {
  HeaderBudget budget;
  EXPECT_OK(budget.Charge(kMaxHeaderBytes - 1));
  EXPECT_OK(budget.Charge(1));
  EXPECT_OK(budget.Charge(0));
  EXPECT_THAT(budget.Charge(1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "message: expected at most 4194304 bytes outside Tensor.data, got at least 4194305"));
}

}  // namespace
}  // namespace lossd::wire
