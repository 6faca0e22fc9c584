// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/batch_scheduler.h"

#include <pthread.h>

#include <array>
#include <thread>
#include <utility>

#include "core/status/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/scheduling/fake_task.h"
#include "tests/core/scheduling/scheduler_fixture.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::BatchSchedulerTest;
using ::lossd::testing::Gate;
using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(BatchSchedulerTest, CreateNamesTheOptionThatIsOutOfRange) {
  const auto create = [](BatchSchedulerOptions options) {
    return BatchScheduler::Create(options, [](const Batch&) { return true; });
  };
  EXPECT_THAT(create({.threads = 0}),
              StatusIs(absl::StatusCode::kInvalidArgument, "threads: expected 1 to 1024, got 0"));
  EXPECT_THAT(create({.threads = 1, .queue = {.max_batch_requests = 0}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("max_batch_requests")));
}

TEST_F(BatchSchedulerTest, GoesByTheRealClockUnlessGivenOne) {
  ASSERT_OK_AND_ASSIGN(scheduler_, BatchScheduler::Create({.threads = 1}, [this](const Batch& batch) {
                         outcomes_.Ran(batch);
                         return true;
                       }));
  MustSchedule({.id = 1, .deadline = RealClock().TimeNow() + absl::Hours(1)});
  EXPECT_THAT(outcomes_.WaitForBatches(1), ElementsAre(ElementsAre(1)));
}

TEST_F(BatchSchedulerTest, IdleWorkerTakesTaskAtOnce) {
  Start({.threads = 1});
  MustSchedule({.id = 1});
  EXPECT_THAT(outcomes_.WaitForBatches(1), ElementsAre(ElementsAre(1)));
}

TEST_F(BatchSchedulerTest, TasksOfAKeyGatherWhileWorkersAreBusy) {
  StartBlocked();
  for (int id = 0; id < 5; ++id) MustSchedule({.id = id, .key = id % 2 == 0 ? "even" : "odd", .bytes = 10});
  EXPECT_EQ(scheduler_->queue_requests(), 5);
  EXPECT_EQ(scheduler_->queue_bytes(), 50);
  gate_.Open();
  EXPECT_THAT(outcomes_.WaitForBatches(2), ElementsAre(ElementsAre(0, 2, 4), ElementsAre(1, 3)));
}

TEST_F(BatchSchedulerTest, TaskWaitsForCompanyUntilTheDelayHasPassed) {
  Start({.threads = 1, .queue = {.max_queue_delay = absl::Seconds(1)}});
  MustSchedule({.id = 1});
  MustSchedule({.id = 2});
  clock_.WaitUntilWaiting(1);
  clock_.AdvanceTime(absl::Seconds(1));
  EXPECT_THAT(outcomes_.WaitForBatches(1), ElementsAre(ElementsAre(1, 2)));
}

TEST_F(BatchSchedulerTest, ExpiredTaskIsDroppedThoughAllWorkersAreBusy) {
  StartBlocked();
  MustSchedule({.id = 1, .deadline = clock_.TimeNow() + absl::Milliseconds(30)});
  clock_.AdvanceTime(absl::Milliseconds(30));
  EXPECT_THAT(outcomes_.WaitForDropped(1),
              ElementsAre(StatusIs(absl::StatusCode::kDeadlineExceeded, "deadline exceeded after 30ms in the queue")));
  EXPECT_EQ(scheduler_->queue_requests(), 0);
  gate_.Open();
  scheduler_->Drain();
  EXPECT_THAT(outcomes_.batches(), IsEmpty());
}

TEST_F(BatchSchedulerTest, TimeInTheQueueDoesNotCountTheAnswersToOthers) {
  StartBlocked();
  const auto slowly = [this](absl::Status status) {
    outcomes_.Dropped(std::move(status));
    clock_.AdvanceTime(absl::Milliseconds(5));
  };
  const absl::Time deadline = clock_.TimeNow() + absl::Milliseconds(30);
  for (int id = 1; id <= 2; ++id) MustSchedule({.id = id, .deadline = deadline, .on_drop = slowly});
  clock_.AdvanceTime(absl::Milliseconds(30));
  for (const absl::Status& status : outcomes_.WaitForDropped(2)) {
    EXPECT_EQ(status.message(), "deadline exceeded after 30ms in the queue");
  }
  gate_.Open();
}

TEST_F(BatchSchedulerTest, EarlierDeadlineThatComesLaterIsMet) {
  StartBlocked();
  const absl::Time t0 = clock_.TimeNow();
  MustSchedule({.id = 1, .deadline = t0 + absl::Seconds(9)});
  clock_.WaitUntilWaiting(1);
  MustSchedule({.id = 2, .deadline = t0 + absl::Seconds(1)});
  clock_.AdvanceTime(absl::Seconds(1));
  outcomes_.WaitForDropped(1);
  EXPECT_EQ(scheduler_->queue_requests(), 1);
  gate_.Open();
  EXPECT_THAT(outcomes_.WaitForBatches(1), ElementsAre(ElementsAre(1)));
}

TEST_F(BatchSchedulerTest, CancelledTaskIsDroppedThoughAllWorkersAreBusy) {
  StartBlocked();
  const auto cancellation = std::make_shared<Cancellation>();
  MustSchedule({.id = 1, .cancellation = cancellation});
  MustSchedule({.id = 2});
  clock_.AdvanceTime(absl::Milliseconds(7));
  cancellation->Cancel();
  EXPECT_THAT(outcomes_.WaitForDropped(1),
              ElementsAre(StatusIs(absl::StatusCode::kCancelled, "cancelled after 7ms in the queue")));
  gate_.Open();
  EXPECT_THAT(outcomes_.WaitForBatches(1), ElementsAre(ElementsAre(2)));
}

TEST_F(BatchSchedulerTest, CancellingARunningOrAnsweredTaskDoesNotDropIt) {
  Start({.threads = 1});
  const auto cancellation = std::make_shared<Cancellation>();
  MustSchedule({.id = 0, .key = "blocker", .cancellation = cancellation});
  blocked_.Wait();
  cancellation->Cancel();
  gate_.Open();
  scheduler_->Drain();
  EXPECT_THAT(outcomes_.dropped(), IsEmpty());
}

TEST_F(BatchSchedulerTest, RunningTaskIsCancelledAtItsDeadline) {
  Start({.threads = 1});
  const auto cancellation = std::make_shared<Cancellation>();
  MustSchedule({.key = "blocker", .deadline = clock_.TimeNow() + absl::Hours(1), .cancellation = cancellation});
  blocked_.Wait();
  cancellation->SetListener([this] { gate_.Open(); });
  clock_.AdvanceTime(absl::Hours(1) - absl::Milliseconds(1));
  EXPECT_FALSE(cancellation->cancelled());
  clock_.AdvanceTime(absl::Milliseconds(1));
  scheduler_->Drain();  // The task runs until it is cancelled.
  EXPECT_TRUE(cancellation->cancelled());
  EXPECT_THAT(outcomes_.dropped(), IsEmpty());
}

TEST_F(BatchSchedulerTest, TaskThatHasRunIsNotCancelledAtItsDeadline) {
  Start({.threads = 1});
  const auto cancellation = std::make_shared<Cancellation>();
  MustSchedule({.deadline = clock_.TimeNow() + absl::Hours(1), .cancellation = cancellation});
  outcomes_.WaitForBatches(1);
  MustSchedule({.key = "blocker"});
  blocked_.Wait();
  clock_.AdvanceTime(absl::Hours(1));
  gate_.Open();
  scheduler_.reset();
  EXPECT_FALSE(cancellation->cancelled());
}

TEST_F(BatchSchedulerTest, RefusesTaskThatWasCancelledBefore) {
  Start({.threads = 1});
  const auto cancellation = std::make_shared<Cancellation>();
  cancellation->Cancel();
  EXPECT_THAT(Schedule({.cancellation = cancellation}), StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(BatchSchedulerTest, RefusesTaskWhoseDeadlineHasPassed) {
  Start({.threads = 1});
  const absl::Status refused = Schedule({.deadline = clock_.TimeNow()});
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("got 0")));
  EXPECT_EQ(GetLimitViolation(refused)->reason, RejectReason::kDeadline);
}

TEST_F(BatchSchedulerTest, RefusesTaskWithLessTimeLeftThanItsKeyEverTook) {
  run_time_ = absl::Milliseconds(5);
  Start({.threads = 1, .queue = {.max_batch_requests = 1}});
  for (int id = 0; id < RunTimes::kEnoughRuns; ++id) {
    MustSchedule({.id = id, .deadline = clock_.TimeNow() + absl::Hours(1)});
  }
  outcomes_.WaitForBatches(RunTimes::kEnoughRuns);
  MustSchedule({.key = "blocker"});  // Once this runs, the runs before it are recorded.
  blocked_.Wait();
  const absl::Status refused = Schedule({.deadline = clock_.TimeNow() + absl::Milliseconds(4)});
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kDeadlineExceeded, AllOf(HasSubstr("5ms"), HasSubstr("4ms"))));
  EXPECT_EQ(GetLimitViolation(refused)->reason, RejectReason::kDeadline);
  EXPECT_OK(Schedule({.id = 98, .deadline = clock_.TimeNow() + absl::Milliseconds(5)}));
  EXPECT_OK(Schedule({.id = 99, .key = "other", .deadline = clock_.TimeNow() + absl::Milliseconds(4)}));
  gate_.Open();
}

TEST_F(BatchSchedulerTest, RefusesTaskThatFindsNoRoom) {
  StartBlocked({.max_queue_requests = 1});
  MustSchedule({.id = 1});
  EXPECT_THAT(Schedule({.id = 2}), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("--max_concurrent_calls")));
  gate_.Open();
}

TEST_F(BatchSchedulerTest, RefusedTaskHearsNothingOfItsCancellation) {
  StartBlocked({.max_queue_requests = 1});
  MustSchedule({.id = 1});
  const auto cancellation = std::make_shared<Cancellation>();
  EXPECT_FALSE(Schedule({.id = 2, .cancellation = cancellation}).ok());
  cancellation->Cancel();
  gate_.Open();
  scheduler_->Drain();
  EXPECT_THAT(outcomes_.dropped(), IsEmpty());
}

TEST_F(BatchSchedulerTest, OnceGatheringIsStoppedNoTaskWaitsForCompany) {
  Start({.threads = 1, .queue = {.max_queue_delay = absl::Hours(1)}});
  MustSchedule({.id = 1});
  EXPECT_EQ(scheduler_->queue_requests(), 1);
  scheduler_->StopGathering();
  EXPECT_THAT(outcomes_.WaitForBatches(1), ElementsAre(ElementsAre(1)));
  MustSchedule({.id = 2});
  EXPECT_THAT(outcomes_.WaitForBatches(2), ElementsAre(ElementsAre(1), ElementsAre(2)));
}

TEST_F(BatchSchedulerTest, DrainAnswersQueuedTasksWithoutWaitingForCompany) {
  Start({.threads = 1, .queue = {.max_queue_delay = absl::Hours(1)}});
  MustSchedule({.id = 1});
  scheduler_->Drain();
  EXPECT_THAT(outcomes_.batches(), ElementsAre(ElementsAre(1)));
}

TEST_F(BatchSchedulerTest, DrainedSchedulerRefusesTasksAsUnavailable) {
  Start({.threads = 1});
  scheduler_->Drain();
  scheduler_->Drain();
  const absl::Status refused = Schedule({});
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("draining")));
  EXPECT_EQ(GetLimitViolation(refused)->reason, RejectReason::kDraining);
}

TEST_F(BatchSchedulerTest, DestructorAnswersWhatIsQueued) {
  StartBlocked({.max_batch_requests = 2});
  for (int id = 0; id < 5; ++id) MustSchedule({.id = id});
  std::thread opener([&] { gate_.Open(); });
  scheduler_.reset();
  opener.join();
  EXPECT_THAT(outcomes_.batches(), ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3), ElementsAre(4)));
}

TEST_F(BatchSchedulerTest, CallbacksMayCallTheScheduler) {
  StartBlocked();
  Gate dropped;
  MustSchedule({.deadline = clock_.TimeNow() + absl::Seconds(1), .on_drop = [&](const absl::Status&) {
                  MustSchedule({.id = 7});
                  dropped.Open();
                }});
  clock_.AdvanceTime(absl::Seconds(1));
  dropped.Wait();
  gate_.Open();
  EXPECT_THAT(outcomes_.WaitForBatches(1), ElementsAre(ElementsAre(7)));
}

TEST_F(BatchSchedulerTest, NamesItsThreads) {
  std::array<char, 16> name = {};
  ASSERT_OK_AND_ASSIGN(scheduler_, BatchScheduler::Create({.threads = 1}, [&](const Batch&) {
                         pthread_getname_np(pthread_self(), name.data(), name.size());
                         return true;
                       }));
  MustSchedule({});
  scheduler_->Drain();
  EXPECT_STREQ(name.data(), "lossd-work-0");
}

// Tasks that run within Schedule are told from others by their thread.
}  // namespace
}  // namespace lossd
