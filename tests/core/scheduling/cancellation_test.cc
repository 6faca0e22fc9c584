// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/cancellation.h"

#include <atomic>
#include <thread>

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(CancellationTest, IsNotCancelledAtFirst) {
  Cancellation cancellation;
  EXPECT_FALSE(cancellation.cancelled());
  EXPECT_FALSE(cancellation.flag().load());
}

TEST(CancellationTest, CallsListenerOnceThoughCancelledTwice) {
  Cancellation cancellation;
  int calls = 0;
  cancellation.SetListener([&] { ++calls; });
  cancellation.Cancel();
  cancellation.Cancel();
  EXPECT_TRUE(cancellation.cancelled());
  EXPECT_EQ(calls, 1);
}

TEST(CancellationTest, CallsLateListenerAtOnce) {
  Cancellation cancellation;
  cancellation.Cancel();
  int calls = 0;
  cancellation.SetListener([&] { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(CancellationTest, ListenerSeesTheMark) {
  Cancellation cancellation;
  bool seen = false;
  cancellation.SetListener([&] { seen = cancellation.cancelled(); });
  cancellation.Cancel();
  EXPECT_TRUE(seen);
}

TEST(CancellationTest, ReplacedListenerIsNotCalled) {
  Cancellation cancellation;
  int first = 0, second = 0;
  cancellation.SetListener([&] { ++first; });
  cancellation.SetListener([&] { ++second; });
  cancellation.Cancel();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
}

TEST(CancellationTest, RemovedListenerDoesNotRunAfterwards) {
  for (int round = 0; round < 200; ++round) {
    Cancellation cancellation;
    bool removed = false;  // Written after removal: a listener that still ran would be a data race.
    cancellation.SetListener([&] { EXPECT_FALSE(removed); });
    std::thread canceller([&] { cancellation.Cancel(); });
    cancellation.SetListener(nullptr);
    removed = true;
    canceller.join();
  }
}

}  // namespace
}  // namespace lossd
