// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/event_loop.h"

#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::client {
namespace {

TEST(EventLoopTest, RunsWorkOnItsThreadOneByOne) {
  EventLoop loop;
  std::vector<std::thread::id> threads;
  absl::Notification done;
  for (int i = 0; i < 3; ++i) {
    loop.Run([&] {
      threads.push_back(std::this_thread::get_id());
      if (threads.size() == 3) done.Notify();
    });
  }
  done.WaitForNotification();
  EXPECT_THAT(threads, ::testing::SizeIs(3));
  EXPECT_THAT(threads, ::testing::Each(threads[0]));
  EXPECT_NE(threads[0], std::this_thread::get_id());
}

TEST(EventLoopTest, WorkMayScheduleWork) {
  EventLoop loop;
  absl::Notification done;
  loop.Run([&] { loop.Run([&] { done.Notify(); }); });
  done.WaitForNotification();
}

}  // namespace
}  // namespace lossd::client
