// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/typed_scheduler.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "tests/core/scheduling/fake_task.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

std::unique_ptr<FakeTask> Task(FakeTaskSpec spec) { return std::make_unique<FakeTask>(std::move(spec)); }

TEST(TypedSchedulerTest, RunsTasksAsWhatTheyAre) {
  absl::Mutex mu;
  std::vector<int> ran;
  ASSERT_OK_AND_ASSIGN(auto scheduler,
                       TypedScheduler<FakeTask>::Create({.threads = 1}, [&](const BatchOf<FakeTask>& batch) {
                         absl::MutexLock lock(&mu);
                         for (size_t i = 0; i < batch.size(); ++i) ran.push_back(batch[i].id());
                         return true;
                       }));
  for (int id = 0; id < 3; ++id) {
    std::unique_ptr<FakeTask> task = Task({.id = id});
    EXPECT_OK(scheduler->Schedule(task));
    EXPECT_EQ(task, nullptr);
  }
  scheduler->Drain();
  absl::MutexLock lock(&mu);
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2}));
}

TEST(TypedSchedulerTest, TaskThatIsRefusedStaysWithItsCaller) {
  ASSERT_OK_AND_ASSIGN(auto scheduler,
                       TypedScheduler<FakeTask>::Create({.threads = 1}, [](const BatchOf<FakeTask>&) { return true; }));
  scheduler->Drain();
  std::unique_ptr<FakeTask> task = Task({.id = 7});
  EXPECT_EQ(scheduler->Schedule(task).code(), absl::StatusCode::kUnavailable);
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(task->id(), 7);
}

TEST(TypedSchedulerTest, TaskThatIsResetIsGoneBeforeTheOthers) {
  std::vector<bool> alive;
  absl::Notification done;
  ASSERT_OK_AND_ASSIGN(auto scheduler, TypedScheduler<FakeTask>::Create({.threads = 1}, [&](BatchOf<FakeTask> batch) {
                         const std::weak_ptr<Cancellation> held = batch[0].shared_cancellation();
                         alive.push_back(!held.expired());
                         batch.Reset(0);
                         alive.push_back(!held.expired());
                         done.Notify();
                         return true;
                       }));
  std::unique_ptr<FakeTask> task = Task({.id = 1, .cancellation = std::make_shared<Cancellation>()});
  EXPECT_OK(scheduler->Schedule(task));
  done.WaitForNotification();
  EXPECT_EQ(alive, (std::vector<bool>{true, false}));
}

TEST(TypedSchedulerTest, OptionsAreChecked) {
  EXPECT_EQ(
      TypedScheduler<FakeTask>::Create({.threads = 0}, [](const BatchOf<FakeTask>&) { return true; }).status().code(),
      absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace lossd::testing
