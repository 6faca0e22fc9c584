// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/last_resort.h"

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(LastResortTest, ActsOnceTheTimeIsOver) {
  absl::Notification acted;
  LastResort resort(absl::Milliseconds(1), [&] { acted.Notify(); });
  resort.Begin();
  resort.Begin();
  acted.WaitForNotification();
}

TEST(LastResortTest, DoesNothingBeforeItBeginsNorOnceItIsNotNeeded) {
  bool acted = false;
  {
    const LastResort never(absl::ZeroDuration(), [&] { acted = true; });
  }
  {
    LastResort patient(absl::InfiniteDuration(), [&] { acted = true; });
    patient.Begin();
  }
  EXPECT_FALSE(acted);
}

}  // namespace
}  // namespace lossd
