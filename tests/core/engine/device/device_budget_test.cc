// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/device/device_budget.h"

#include <optional>
#include <thread>
#include <utility>

#include "core/status/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

TEST(DeviceBudgetTest, WhatIsReservedComesBackWithTheReservation) {
  DeviceBudget budget(100);
  {
    ASSERT_OK_AND_ASSIGN(DeviceReservation first, budget.Reserve(60));
    const DeviceReservation moved = std::move(first);
    EXPECT_EQ(budget.reserved_bytes(), 60);
  }
  EXPECT_EQ(budget.reserved_bytes(), 0);
  EXPECT_OK(budget.Reserve(100).status());
}

TEST(DeviceBudgetTest, WhatCanNeverFitIsRefusedAtOnceNamingTheFlag) {
  DeviceBudget budget(100);
  ASSERT_OK_AND_ASSIGN(const DeviceReservation all, budget.Reserve(100));
  const absl::Status status = budget.Reserve(101).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("got one that takes 101")));
  EXPECT_EQ(GetLimitViolation(status)->flag, "--device_memory_bytes");
  EXPECT_FALSE(GetLimitViolation(status)->retry_delay.has_value());
}

TEST(DeviceBudgetTest, WhatDoesNotFitYetWaits) {
  DeviceBudget budget(100);
  std::optional<DeviceReservation> first = std::move(budget.Reserve(60)).value();
  int64_t seen = 0;
  std::thread other([&] {
    const DeviceReservation second = std::move(budget.Reserve(50)).value();
    seen = budget.reserved_bytes();
  });
  first.reset();
  other.join();
  EXPECT_EQ(seen, 50);
}

TEST(DeviceBudgetTest, TryReserveTakesWhatIsFreeAndDoesNotWait) {
  DeviceBudget budget(100);
  const auto first = budget.TryReserve(70);
  EXPECT_TRUE(first.has_value());
  EXPECT_FALSE(budget.TryReserve(31).has_value());
  EXPECT_TRUE(budget.TryReserve(30).has_value());
  EXPECT_EQ(budget.reserved_bytes(), 70);
}

}  // namespace
}  // namespace lossd
