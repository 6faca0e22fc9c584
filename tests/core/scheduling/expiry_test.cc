// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// When tasks leave the queue of a scheduler whose workers are busy.

#include <algorithm>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "core/scheduling/batch_scheduler.h"
#include "gtest/gtest.h"
#include "tests/core/scheduling/fake_task.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::Gate;
using ::lossd::testing::Id;
using ::lossd::testing::MakeTask;
using ::lossd::testing::SimulatedClock;
using ::lossd::testing::StatusIs;

constexpr size_t kTasks = 60;
constexpr int kBlocker = -1;
constexpr absl::Duration kLongest = absl::Milliseconds(5);

class ExpiryTest : public ::testing::TestWithParam<int> {
 protected:
  ExpiryTest() : random_(static_cast<unsigned>(GetParam())) {
    BatchSchedulerOptions options;
    options.clock = &clock_;
    scheduler_ = *BatchScheduler::Create(options, [this](const Batch& batch) {
      for (const std::unique_ptr<BatchTask>& task : batch) {
        EXPECT_EQ(Id(*task), kBlocker) << "an expired task ran";
      }
      running_.Open();
      gate_.Wait();
      return true;
    });
  }
  ~ExpiryTest() override { gate_.Open(); }

  // Keeps the only worker busy until gate_ opens.
  void BlockWorker() {
    std::unique_ptr<BatchTask> blocker = MakeTask({.id = kBlocker, .key = "blocker"});
    ASSERT_OK(scheduler_->Schedule(blocker));
    running_.Wait();
  }

  absl::Duration RandomDuration(absl::Duration most) {
    return absl::Nanoseconds(std::uniform_int_distribution<int64_t>(1, absl::ToInt64Nanoseconds(most))(random_));
  }

  SimulatedClock clock_;
  std::mt19937 random_;
  Gate running_;
  Gate gate_;
  std::unique_ptr<BatchScheduler> scheduler_;
};

// However long answers take: what has expired when one is given no longer waits.
TEST_P(ExpiryTest, TasksLeaveTheQueueWhileOthersAreAnswered) {
  BlockWorker();
  std::vector<absl::Time> deadlines = {clock_.TimeNow() + absl::Nanoseconds(1)};
  while (deadlines.size() < kTasks) deadlines.push_back(deadlines.front() + RandomDuration(kLongest));
  absl::BlockingCounter answers(kTasks);
  // Takes until after the next deadline, and maybe some more.
  const auto answer = [&](const absl::Status& status) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kDeadlineExceeded));
    const absl::Time now = clock_.TimeNow();
    int64_t waiting = 0;
    absl::Time next = absl::InfiniteFuture();
    for (const absl::Time deadline : deadlines) {
      if (deadline <= now) continue;
      ++waiting;
      next = std::min(next, deadline);
    }
    EXPECT_EQ(scheduler_->queue_requests(), waiting);
    if (waiting > 0) clock_.AdvanceTime(next - now + RandomDuration(kLongest / 20));
    answers.DecrementCount();
  };
  for (const absl::Time deadline : deadlines) {
    std::unique_ptr<BatchTask> task = MakeTask({.deadline = deadline, .on_drop = answer});
    ASSERT_OK(scheduler_->Schedule(task));
  }
  clock_.AdvanceTime(absl::Nanoseconds(1));
  answers.Wait();
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExpiryTest, ::testing::Range(0, 20));

}  // namespace
}  // namespace lossd
