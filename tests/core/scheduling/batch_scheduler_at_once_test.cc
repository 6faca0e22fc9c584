// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Tasks that BatchScheduler runs on their callers' threads.

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "core/scheduling/batch_scheduler.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/scheduling/fake_task.h"
#include "tests/core/scheduling/scheduler_fixture.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::BatchSchedulerTest;
using ::lossd::testing::Ids;
using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SchedulerAtOnceTest : public BatchSchedulerTest {
 protected:
  void StartAtOnce() {
    BatchSchedulerOptions options{.threads = 1, .max_work_at_once = 10, .clock = &clock_};
    ASSERT_OK_AND_ASSIGN(scheduler_, BatchScheduler::Create(options, [this](Batch batch) {
                           if (std::this_thread::get_id() == caller_) at_once_.push_back(Ids(batch)[0]);
                           return Run(std::move(batch));
                         }));
    // The worker is idle once it waits for work, which is some time after it has run a task.
    for (size_t tasks = 1; at_once_.empty(); ++tasks) {
      MustSchedule({});
      outcomes_.WaitForBatches(tasks);
    }
    at_once_.clear();
  }

  const std::thread::id caller_ = std::this_thread::get_id();
  std::vector<int> at_once_;  // Ids.
};

TEST_F(SchedulerAtOnceTest, SmallTaskRunsOnItsCallersThreadWhileAWorkerIsIdle) {
  StartAtOnce();
  MustSchedule({.id = 1, .work = 10});
  MustSchedule({.id = 2, .work = 11});
  scheduler_->Drain();
  EXPECT_THAT(at_once_, ElementsAre(1));
}

TEST_F(SchedulerAtOnceTest, LargeTaskThatTouchesLittleRunsOnItsCallersThread) {
  StartAtOnce();
  MustSchedule({.id = 1, .bytes = BatchScheduler::kMaxBytesAtOnce + 1, .touched_bytes = 0});
  scheduler_->Drain();
  EXPECT_THAT(at_once_, ElementsAre(1));
}

TEST_F(SchedulerAtOnceTest, LargeTaskIsLeftToTheWorker) {
  StartAtOnce();
  MustSchedule({.id = 1, .bytes = BatchScheduler::kMaxBytesAtOnce + 1});
  scheduler_->Drain();
  EXPECT_THAT(at_once_, IsEmpty());
}

TEST_F(SchedulerAtOnceTest, TaskWaitsWhileTheWorkerIsBusy) {
  StartAtOnce();
  MustSchedule({.key = "blocker", .work = 11});
  blocked_.Wait();
  MustSchedule({.id = 1});
  EXPECT_EQ(scheduler_->queue_requests(), 1);
  gate_.Open();
  scheduler_->Drain();
  EXPECT_THAT(at_once_, IsEmpty());
}

TEST_F(SchedulerAtOnceTest, TaskThatWaitsForCompanyIsQueued) {
  Start({.threads = 1, .queue = {.max_queue_delay = absl::Seconds(1)}, .max_work_at_once = 10});
  MustSchedule({.id = 1});
  EXPECT_EQ(scheduler_->queue_requests(), 1);
}

TEST_F(SchedulerAtOnceTest, TaskThatTheQueueHasNoRoomForIsRefusedAsEver) {
  Start({.threads = 1, .queue = {.max_queue_bytes = 9}, .max_work_at_once = 10});
  for (int i = 0; i < 100; ++i) {  // Whether the worker is idle already or not.
    EXPECT_THAT(Schedule({.bytes = 10}), StatusIs(absl::StatusCode::kResourceExhausted));
  }
}

TEST_F(SchedulerAtOnceTest, DrainWaitsForATaskThatItsCallerRuns) {
  StartAtOnce();
  std::atomic<bool> drained = false;
  std::thread draining([&] {
    blocked_.Wait();
    scheduler_->Drain();
    drained = true;
  });
  std::thread opening([&] {
    blocked_.Wait();
    while (!absl::IsUnavailable(Schedule({.work = 11}))) std::this_thread::yield();
    for (int i = 0; i < 1'000; ++i) std::this_thread::yield();
    EXPECT_FALSE(drained);
    gate_.Open();
  });
  MustSchedule({.id = 1, .key = "blocker"});
  draining.join();
  opening.join();
  EXPECT_THAT(at_once_, ElementsAre(1));
}

TEST_F(SchedulerAtOnceTest, LateAndCancelledTasksAreRefusedAsEver) {
  StartAtOnce();
  EXPECT_THAT(Schedule({.deadline = clock_.TimeNow()}), StatusIs(absl::StatusCode::kDeadlineExceeded));
  const auto cancellation = std::make_shared<Cancellation>();
  cancellation->Cancel();
  EXPECT_THAT(Schedule({.cancellation = cancellation}), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(at_once_, IsEmpty());
}

}  // namespace
}  // namespace lossd
