// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/descriptor_budget.h"

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(DescriptorBudgetTest, SharesLeaveSomeForFiles) {
  for (const int64_t limit : {int64_t{64}, int64_t{100}, int64_t{1024}, int64_t{1} << 20}) {
    const DescriptorBudget budget = BudgetOf(limit);
    const int64_t reserve = limit - budget.below;
    EXPECT_GE(reserve, 16);
    EXPECT_LE(reserve, 256);
    EXPECT_GE(reserve - budget.admin - budget.http, 4);
    EXPECT_GE(budget.admin, 6);
    EXPECT_GE(budget.http, 6);
  }
  EXPECT_EQ(BudgetOf(64).below, 48);
  EXPECT_EQ(BudgetOf(1024).below, 768);
}

TEST(DescriptorBudgetTest, ProcessHasALimit) { EXPECT_GT(DescriptorLimit(), 16); }

}  // namespace
}  // namespace lossd
