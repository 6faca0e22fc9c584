// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/batch_queue.h"

#include <vector>

#include "core/status/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/scheduling/fake_task.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::FakeTaskSpec;
using ::lossd::testing::Ids;
using ::lossd::testing::MakeTask;
using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::Time kT0 = absl::UnixEpoch();
constexpr absl::Duration kTick = absl::Nanoseconds(1);
constexpr absl::Duration kDelay = absl::Milliseconds(2);

BatchQueue MakeQueue(const BatchQueueOptions& options = {}) {
  EXPECT_OK(Validate(options));
  return BatchQueue(options);
}

// Pushes a task and returns it; it stays the queue's.
BatchTask* MustPush(BatchQueue& queue, FakeTaskSpec spec, absl::Time now = kT0) {
  std::unique_ptr<BatchTask> task = MakeTask(std::move(spec));
  BatchTask* const pushed = task.get();
  EXPECT_OK(queue.Push(task, now));
  EXPECT_EQ(task, nullptr);
  return pushed;
}

TEST(BatchQueueOptionsTest, NamesTheFieldThatIsOutOfRange) {
  const auto error_of = [](BatchQueueOptions options) { return Validate(options); };
  EXPECT_OK(error_of({}));
  const absl::StatusCode invalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(error_of({.max_queue_delay = -kTick}), StatusIs(invalid, HasSubstr("max_queue_delay: expected")));
  EXPECT_THAT(error_of({.max_batch_requests = 0}), StatusIs(invalid, "max_batch_requests: expected at least 1, got 0"));
  EXPECT_THAT(error_of({.max_batch_bytes = 0}), StatusIs(invalid, HasSubstr("max_batch_bytes")));
  EXPECT_THAT(error_of({.max_batch_work = 0}), StatusIs(invalid, HasSubstr("max_batch_work")));
  EXPECT_THAT(error_of({.max_queue_requests = 0}), StatusIs(invalid, HasSubstr("max_queue_requests")));
  EXPECT_THAT(error_of({.max_queue_bytes = -1}), StatusIs(invalid, HasSubstr("max_queue_bytes")));
}

TEST(BatchQueueTest, TakesAtOnceWhatPushAndPopReadyWouldGive) {
  for (const BatchQueueOptions& options : {BatchQueueOptions{}, BatchQueueOptions{.max_queue_delay = kDelay}}) {
    for (const bool others : {false, true}) {
      for (const bool draining : {false, true}) {
        BatchQueue queue = MakeQueue(options);
        BatchQueue pushed = MakeQueue(options);
        if (draining) queue.StopGathering();
        if (draining) pushed.StopGathering();
        if (others) MustPush(queue, {.id = 1, .bytes = 1});
        std::unique_ptr<BatchTask> task = MakeTask({.id = 2, .bytes = 10});
        std::unique_ptr<BatchTask> twin = MakeTask({.id = 2, .bytes = 10});
        const bool would_come = !others && pushed.Push(twin, kT0).ok() && pushed.has_ready();
        EXPECT_EQ(queue.TakesAtOnce(), would_come);
        const Batch batch = BatchQueue::TakeAtOnce(task, kT0);
        EXPECT_THAT(Ids(batch), ElementsAre(2));
        EXPECT_EQ(task, nullptr);
        EXPECT_EQ(batch.front()->enqueued(), kT0);
      }
    }
  }
}

TEST(BatchQueueTest, GivesSingleTaskAtOnceWithoutDelay) {
  BatchQueue queue = MakeQueue();
  EXPECT_FALSE(queue.has_ready());
  EXPECT_THAT(queue.PopReady(kT0), IsEmpty());
  MustPush(queue, {.id = 1});
  EXPECT_TRUE(queue.has_ready());
  EXPECT_EQ(queue.NextEvent(), absl::InfiniteFuture());
  EXPECT_THAT(Ids(queue.PopReady(kT0)), ElementsAre(1));
  EXPECT_FALSE(queue.has_ready());
}

TEST(BatchQueueTest, NotesWhenTheTaskCameIn) {
  BatchQueue queue = MakeQueue();
  const BatchTask* const task = MustPush(queue, {}, kT0 + kTick);
  EXPECT_EQ(task->enqueued(), kT0 + kTick);
}

TEST(BatchQueueTest, GathersTasksOfOneKeyOldestFirst) {
  BatchQueue queue = MakeQueue();
  for (int id = 0; id < 4; ++id) MustPush(queue, {.id = id, .key = id == 2 ? "other" : "key"});
  EXPECT_THAT(Ids(queue.PopReady(kT0)), ElementsAre(0, 1, 3));
  EXPECT_THAT(Ids(queue.PopReady(kT0)), ElementsAre(2));
}

TEST(BatchQueueTest, HoldsBackPartialBatchUntilDelayHasPassed) {
  BatchQueue queue = MakeQueue({.max_queue_delay = kDelay});
  MustPush(queue, {.id = 1});
  EXPECT_EQ(queue.NextEvent(), kT0 + kDelay);
  EXPECT_THAT(queue.PopReady(kT0 + kDelay - kTick), IsEmpty());
  EXPECT_FALSE(queue.has_ready());
  EXPECT_THAT(Ids(queue.PopReady(kT0 + kDelay)), ElementsAre(1));
  EXPECT_EQ(queue.NextEvent(), absl::InfiniteFuture());
}

TEST(BatchQueueTest, LateCompanyDoesNotProlongTheWait) {
  BatchQueue queue = MakeQueue({.max_queue_delay = kDelay});
  MustPush(queue, {.id = 1});
  MustPush(queue, {.id = 2}, kT0 + kDelay - kTick);
  EXPECT_THAT(Ids(queue.PopReady(kT0 + kDelay)), ElementsAre(1, 2));
}

TEST(BatchQueueTest, WaitsForCompanyNoLongerThanHalfOfTheTimeLeft) {
  BatchQueue queue = MakeQueue({.max_queue_delay = kDelay});
  MustPush(queue, {.id = 1, .deadline = kT0 + kDelay});
  EXPECT_THAT(queue.PopReady(kT0 + kDelay / 2 - kTick), IsEmpty());
  EXPECT_THAT(Ids(queue.PopReady(kT0 + kDelay / 2)), ElementsAre(1));
}

TEST(BatchQueueTest, FullBatchDoesNotWaitForCompany) {
  BatchQueue queue = MakeQueue({.max_queue_delay = kDelay, .max_batch_requests = 2});
  for (int id = 0; id < 3; ++id) MustPush(queue, {.id = id});
  EXPECT_THAT(Ids(queue.PopReady(kT0)), ElementsAre(0, 1));
  EXPECT_THAT(queue.PopReady(kT0), IsEmpty());
  EXPECT_THAT(Ids(queue.PopReady(kT0 + kDelay)), ElementsAre(2));
}

TEST(BatchQueueTest, OtherKeysDoNotCloseABatch) {
  BatchQueue queue = MakeQueue({.max_queue_delay = kDelay});
  for (int id = 0; id < 6; ++id) MustPush(queue, {.id = id, .key = id % 2 == 0 ? "even" : "odd"});
  EXPECT_THAT(queue.PopReady(kT0), IsEmpty());
  EXPECT_THAT(Ids(queue.PopReady(kT0 + kDelay)), ElementsAre(0, 2, 4));
  EXPECT_THAT(Ids(queue.PopReady(kT0 + kDelay)), ElementsAre(1, 3, 5));
}

TEST(BatchQueueTest, BoundsBatchByBytes) {
  BatchQueue queue = MakeQueue({.max_queue_delay = kDelay, .max_batch_bytes = 10});
  for (int id = 0; id < 3; ++id) MustPush(queue, {.id = id, .bytes = 4});
  EXPECT_THAT(Ids(queue.PopReady(kT0)), ElementsAre(0, 1));
  EXPECT_THAT(queue.PopReady(kT0), IsEmpty());
}

TEST(BatchQueueTest, BoundsBatchByWork) {
  BatchQueue queue = MakeQueue({.max_queue_delay = kDelay, .max_batch_work = 10});
  for (int id = 0; id < 3; ++id) MustPush(queue, {.id = id, .work = 5});
  EXPECT_THAT(Ids(queue.PopReady(kT0)), ElementsAre(0, 1));
  EXPECT_THAT(queue.PopReady(kT0), IsEmpty());
}

TEST(BatchQueueTest, TaskAboveTheBoundsOfABatchRunsAlone) {
  BatchQueue queue = MakeQueue({.max_batch_bytes = 10, .max_batch_work = 10});
  MustPush(queue, {.id = 0, .bytes = 11, .work = 11});
  MustPush(queue, {.id = 1});
  EXPECT_THAT(Ids(queue.PopReady(kT0)), ElementsAre(0));
  EXPECT_THAT(Ids(queue.PopReady(kT0)), ElementsAre(1));
}

TEST(BatchQueueTest, EarliestDeadlineComesFirstAmongKeysAndWithinABatch) {
  BatchQueue queue = MakeQueue();
  MustPush(queue, {.id = 0, .key = "late", .deadline = kT0 + 3 * kTick});
  MustPush(queue, {.id = 1, .key = "early", .deadline = kT0 + 2 * kTick});
  MustPush(queue, {.id = 2, .key = "early", .deadline = kT0 + kTick});
  EXPECT_THAT(Ids(queue.PopReady(kT0)), ElementsAre(2, 1));
  EXPECT_THAT(Ids(queue.PopReady(kT0)), ElementsAre(0));
}

TEST(BatchQueueTest, OldestComesFirstAmongEquals) {
  BatchQueue queue = MakeQueue();
  for (int id = 0; id < 3; ++id) MustPush(queue, {.id = id, .key = std::string(1, static_cast<char>('z' - id))});
  EXPECT_THAT(Ids(queue.PopReady(kT0)), ElementsAre(0));
  EXPECT_THAT(Ids(queue.PopReady(kT0)), ElementsAre(1));
}

TEST(BatchQueueTest, TaskWithoutDeadlineIsNotOvertakenForEver) {
  BatchQueue queue = MakeQueue();
  MustPush(queue, {.id = 0, .key = "patient"});
  const absl::Time later = kT0 + BatchQueue::kPatience;
  MustPush(queue, {.id = 1, .key = "urgent", .deadline = later - kTick}, later - 2 * kTick);
  EXPECT_THAT(Ids(queue.PopReady(later - 2 * kTick)), ElementsAre(1));
  MustPush(queue, {.id = 2, .key = "urgent too", .deadline = later + kTick}, later);
  EXPECT_THAT(Ids(queue.PopReady(later)), ElementsAre(0));
  EXPECT_THAT(Ids(queue.PopReady(later)), ElementsAre(2));
}

TEST(BatchQueueTest, ExpiredTasksComeOutAtTheirDeadlineAndNeverRun) {
  BatchQueue queue = MakeQueue();
  MustPush(queue, {.id = 0, .deadline = kT0 + 2 * kTick});
  MustPush(queue, {.id = 1, .deadline = kT0 + kTick});
  EXPECT_EQ(queue.NextEvent(), kT0 + kTick);
  EXPECT_THAT(queue.TakeExpired(kT0), IsEmpty());
  EXPECT_THAT(Ids(queue.PopReady(kT0 + kTick)), ElementsAre(0));
  EXPECT_TRUE(queue.has_dropped());
  EXPECT_THAT(Ids(queue.TakeExpired(kT0 + kTick)), ElementsAre(1));
  EXPECT_FALSE(queue.has_dropped());
  EXPECT_EQ(queue.requests(), 0);
}

TEST(BatchQueueTest, NotesWhenItGaveTasksUp) {
  BatchQueue queue = MakeQueue();
  const auto cancellation = std::make_shared<Cancellation>();
  MustPush(queue, {.id = 0, .deadline = kT0 + kTick});
  BatchTask* const cancelled = MustPush(queue, {.id = 1});
  MustPush(queue, {.id = 2, .cancellation = cancellation});
  queue.Advance(kT0 + 2 * kTick);
  queue.Cancel(cancelled, kT0 + 3 * kTick);
  cancellation->Cancel();
  queue.PopReady(kT0 + 4 * kTick);
  EXPECT_EQ(queue.TakeExpired(kT0 + 5 * kTick)[0]->dropped(), kT0 + 2 * kTick);
  const Batch others = queue.TakeCancelled();
  ASSERT_THAT(Ids(others), ElementsAre(1, 2));
  EXPECT_EQ(others[0]->dropped(), kT0 + 3 * kTick);
  EXPECT_EQ(others[1]->dropped(), kT0 + 4 * kTick);
}

TEST(BatchQueueTest, ExpiryOfTheTaskThatFilledTheBatchLetsTheRestWaitOn) {
  BatchQueue queue = MakeQueue({.max_queue_delay = kDelay, .max_batch_requests = 3});
  MustPush(queue, {.id = 0});
  MustPush(queue, {.id = 1});
  BatchTask* const third = MustPush(queue, {.id = 2});
  EXPECT_TRUE(queue.has_ready());
  queue.Cancel(third, kT0);
  EXPECT_FALSE(queue.has_ready());
  EXPECT_THAT(Ids(queue.PopReady(kT0 + kDelay)), ElementsAre(0, 1));
}

TEST(BatchQueueTest, CancelledTasksComeOutAndNeverRun) {
  BatchQueue queue = MakeQueue();
  BatchTask* const first = MustPush(queue, {.id = 0});
  MustPush(queue, {.id = 1});
  queue.Cancel(first, kT0);
  queue.Cancel(first, kT0);
  EXPECT_TRUE(queue.has_dropped());
  EXPECT_EQ(queue.requests(), 1);
  EXPECT_THAT(Ids(queue.PopReady(kT0)), ElementsAre(1));
  EXPECT_THAT(Ids(queue.TakeCancelled()), ElementsAre(0));
  EXPECT_THAT(queue.TakeCancelled(), IsEmpty());
}

TEST(BatchQueueTest, CancelAfterPopDoesNothing) {
  BatchQueue queue = MakeQueue();
  BatchTask* const task = MustPush(queue, {});
  const Batch batch = queue.PopReady(kT0);
  queue.Cancel(task, kT0);
  EXPECT_FALSE(queue.has_dropped());
}

TEST(BatchQueueTest, TaskFoundCancelledWhileABatchFormsDoesNotRun) {
  BatchQueue queue = MakeQueue({.max_batch_requests = 2});
  const auto cancellation = std::make_shared<Cancellation>();
  MustPush(queue, {.id = 0, .key = "a", .cancellation = cancellation});
  MustPush(queue, {.id = 1, .key = "b"});
  MustPush(queue, {.id = 2, .key = "b", .cancellation = cancellation});
  MustPush(queue, {.id = 3, .key = "b"});
  cancellation->Cancel();
  EXPECT_THAT(Ids(queue.PopReady(kT0)), ElementsAre(1, 3));
  EXPECT_THAT(Ids(queue.TakeCancelled()), ElementsAre(0, 2));
}

TEST(BatchQueueTest, RefusesTaskOverTheLimitOfRequestsAndLeavesItWithTheCaller) {
  BatchQueue queue = MakeQueue({.max_queue_requests = 1});
  MustPush(queue, {.id = 0});
  std::unique_ptr<BatchTask> task = MakeTask({.id = 1});
  const absl::Status refused = queue.Push(task, kT0);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted,
                                HasSubstr("at most 1, queued 1 (--max_concurrent_calls)")));
  EXPECT_EQ(GetLimitViolation(refused)->reason, RejectReason::kQueue);
  EXPECT_EQ(GetLimitViolation(refused)->retry_delay, BatchQueue::kRetryDelay);
  ASSERT_NE(task, nullptr);
  queue.PopReady(kT0);
  EXPECT_OK(queue.Push(task, kT0));
}

TEST(BatchQueueTest, RefusesTaskOverTheLimitOfBytes) {
  BatchQueue queue = MakeQueue({.max_queue_bytes = 10});
  MustPush(queue, {.bytes = 6});
  std::unique_ptr<BatchTask> task = MakeTask({.bytes = 5});
  const absl::Status refused = queue.Push(task, kT0);
  EXPECT_THAT(refused,
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("10"), HasSubstr("6"), HasSubstr("5"), HasSubstr("--max_inflight_bytes"))));
  EXPECT_EQ(GetLimitViolation(refused)->retry_delay, BatchQueue::kRetryDelay);
  MustPush(queue, {.bytes = 4});
  EXPECT_EQ(queue.bytes(), 10);
}

TEST(BatchQueueTest, DoesNotAdviseToRetryWhatCanNeverFit) {
  BatchQueue queue = MakeQueue({.max_queue_bytes = 10});
  std::unique_ptr<BatchTask> task = MakeTask({.bytes = 11});
  EXPECT_EQ(GetLimitViolation(queue.Push(task, kT0))->retry_delay, std::nullopt);
}

TEST(BatchQueueTest, ExpiredTasksMakeRoom) {
  BatchQueue queue = MakeQueue({.max_queue_requests = 1});
  MustPush(queue, {.id = 0, .deadline = kT0 + kTick});
  MustPush(queue, {.id = 1}, kT0 + kTick);
  EXPECT_THAT(Ids(queue.TakeExpired(kT0 + kTick)), ElementsAre(0));
}

TEST(BatchQueueTest, DrainingEndsAllWaitingForCompany) {
  BatchQueue queue = MakeQueue({.max_queue_delay = kDelay});
  MustPush(queue, {.id = 0});
  queue.StopGathering();
  MustPush(queue, {.id = 1});
  EXPECT_THAT(Ids(queue.PopReady(kT0)), ElementsAre(0, 1));
  EXPECT_EQ(queue.NextEvent(), absl::InfiniteFuture());
}

}  // namespace
}  // namespace lossd
