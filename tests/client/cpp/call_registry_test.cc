// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/call_registry.h"

#include <memory>
#include <thread>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace lossd::client {
namespace {

class FakeCall : public CancellableCall {
 public:
  void Cancel() override { cancelled.Notify(); }
  absl::Notification cancelled;
};

TEST(CallRegistryTest, WaitsForNothingWhereNothingIsUnderWay) { CallRegistry().CancelAllAndWait(); }

TEST(CallRegistryTest, CancelsAndWaitsForTheEnd) {
  CallRegistry registry;
  const auto ended = std::make_shared<FakeCall>();
  const auto running = std::make_shared<FakeCall>();
  registry.Add(ended);
  registry.Add(running);
  registry.Remove(ended);
  std::thread loop([&] {
    running->cancelled.WaitForNotification();
    registry.Remove(running);
  });
  registry.CancelAllAndWait();
  EXPECT_FALSE(ended->cancelled.HasBeenNotified());
  loop.join();
}

TEST(CallRegistryTest, OwnsCallsUntilTheyEnd) {
  CallRegistry registry;
  auto call = std::make_shared<FakeCall>();
  const std::weak_ptr<FakeCall> watch = call;
  registry.Add(call);
  call.reset();
  ASSERT_FALSE(watch.expired());
  registry.Remove(watch.lock());
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace lossd::client
