// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/payload_hold.h"

#include <memory>
#include <thread>
#include <utility>

#include "gtest/gtest.h"

namespace lossd::client {
namespace {

TEST(PayloadHoldTest, IsReleasedAtOnceWhereNothingWasLent) {
  PayloadHold hold;
  EXPECT_TRUE(hold.Release([] { FAIL(); }));
}

TEST(PayloadHoldTest, TellsWhenTheLastOwnerIsDropped) {
  PayloadHold hold;
  auto first = hold.owner();
  auto second = first;
  int calls = 0;
  EXPECT_FALSE(hold.Release([&] { ++calls; }));
  first.reset();
  EXPECT_EQ(calls, 0);
  second.reset();
  EXPECT_EQ(calls, 1);
}

TEST(PayloadHoldTest, WaitsForOwnersOnOtherThreads) {
  PayloadHold hold;
  std::weak_ptr<const void> watch = hold.owner();
  std::thread transport([owner = hold.owner()]() mutable { owner.reset(); });
  hold.ReleaseAndWait();
  EXPECT_TRUE(watch.expired());
  transport.join();
}

TEST(PayloadHoldTest, OwnersMayOutliveTheHold) {
  auto hold = std::make_unique<PayloadHold>();
  auto owner = hold->owner();
  bool released = false;
  EXPECT_FALSE(hold->Release([&] { released = true; }));
  hold.reset();
  owner.reset();
  EXPECT_TRUE(released);
}

}  // namespace
}  // namespace lossd::client
