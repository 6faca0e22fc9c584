// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What tests of BatchScheduler share.

#ifndef LOSSD_TESTS_CORE_SCHEDULING_SCHEDULER_FIXTURE_H_
#define LOSSD_TESTS_CORE_SCHEDULING_SCHEDULER_FIXTURE_H_

#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "core/scheduling/batch_scheduler.h"
#include "gtest/gtest.h"
#include "tests/core/scheduling/fake_task.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {

// What became of tasks, in the order in which it did. Thread-safe.
class Outcomes {
 public:
  void Ran(const Batch& batch) {
    absl::MutexLock lock(&mu_);
    batches_.push_back(Ids(batch));
  }
  void Dropped(absl::Status status) {
    absl::MutexLock lock(&mu_);
    dropped_.push_back(std::move(status));
  }
  std::vector<std::vector<int>> WaitForBatches(size_t count) {
    absl::MutexLock lock(&mu_);
    const auto enough = [&] { return (mu_.AssertReaderHeld(), batches_.size() >= count); };
    mu_.Await(absl::Condition(&enough));
    return batches_;
  }
  std::vector<absl::Status> WaitForDropped(size_t count) {
    absl::MutexLock lock(&mu_);
    const auto enough = [&] { return (mu_.AssertReaderHeld(), dropped_.size() >= count); };
    mu_.Await(absl::Condition(&enough));
    return dropped_;
  }
  std::vector<std::vector<int>> batches() { return WaitForBatches(0); }
  std::vector<absl::Status> dropped() { return WaitForDropped(0); }

 private:
  absl::Mutex mu_;
  std::vector<std::vector<int>> batches_ ABSL_GUARDED_BY(mu_);
  std::vector<absl::Status> dropped_ ABSL_GUARDED_BY(mu_);
};

// A scheduler by a simulated clock. Tasks of the key "blocker" hold their worker up until `gate` opens.
class BatchSchedulerTest : public ::testing::Test {
 protected:
  void Start(BatchSchedulerOptions options) {
    options.clock = &clock_;
    ASSERT_OK_AND_ASSIGN(scheduler_,
                         BatchScheduler::Create(options, [this](Batch batch) { return Run(std::move(batch)); }));
  }

  // All of it, as the scheduler wants to know.
  bool Run(Batch batch) {
    if (batch.front()->batch_key() == "blocker") {
      blocked_.Open();
      gate_.Wait();
    } else {
      clock_.AdvanceTime(run_time_);
      outcomes_.Ran(batch);
    }
    return true;
  }

  // Starts a scheduler of one thread, which is busy until gate_ opens.
  void StartBlocked(const BatchQueueOptions& queue = {}) {
    Start({.threads = 1, .queue = queue});
    MustSchedule({.key = "blocker"});
    blocked_.Wait();
  }

  absl::Status Schedule(FakeTaskSpec spec) {
    if (!spec.on_drop) spec.on_drop = [this](absl::Status status) { outcomes_.Dropped(std::move(status)); };
    std::unique_ptr<BatchTask> task = MakeTask(std::move(spec));
    absl::Status status = scheduler_->Schedule(task);
    EXPECT_EQ(status.ok(), task == nullptr);
    return status;
  }
  void MustSchedule(FakeTaskSpec spec) { EXPECT_OK(Schedule(std::move(spec))); }

  SimulatedClock clock_;
  Outcomes outcomes_;
  Gate gate_, blocked_;
  absl::Duration run_time_ = absl::ZeroDuration();
  std::unique_ptr<BatchScheduler> scheduler_;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_SCHEDULING_SCHEDULER_FIXTURE_H_
