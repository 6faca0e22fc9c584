// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Many threads at once: every accepted task has exactly one outcome.

#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/scheduling/batch_scheduler.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/scheduling/fake_task.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::Id;
using ::lossd::testing::MakeTask;

constexpr int kCallers = 4;
constexpr int kTasksOfACaller = 2000;

// Callers that schedule tasks with random keys and deadlines and cancel some of them, from other threads too.
class Storm {
 public:
  Storm() : outcomes_(kCallers * kTasksOfACaller) {}

  // `max_work_at_once` as of BatchSchedulerOptions; tasks have work 1 or 2.
  void Run(uint32_t seed, double max_work_at_once) {
    absl::StatusOr<std::unique_ptr<BatchScheduler>> created = BatchScheduler::Create(
        {.threads = 3, .queue = {.max_queue_requests = 200}, .max_work_at_once = max_work_at_once},
        [this](Batch batch) { return Run(std::move(batch)); });
    ASSERT_OK(created);
    scheduler_ = *std::move(created);
    std::vector<std::thread> callers;
    for (int caller = 0; caller < kCallers; ++caller) {
      callers.emplace_back([this, caller, seed] { Call(caller, std::mt19937(seed + static_cast<uint32_t>(caller))); });
    }
    std::thread drainer([this] {
      const auto most_are_scheduled = [this] {
        mu_.AssertReaderHeld();
        return scheduled_ > kCallers * kTasksOfACaller * 3 / 4;
      };
      mu_.LockWhen(absl::Condition(&most_are_scheduled));
      mu_.Unlock();
      scheduler_->Drain();
    });
    for (std::thread& caller : callers) caller.join();
    drainer.join();
    scheduler_.reset();
  }

  // Every task has one outcome: refused, run or dropped.
  void Check() const {
    for (size_t id = 0; id < outcomes_.size(); ++id) ASSERT_EQ(outcomes_[id].load(), 1) << "task " << id;
    EXPECT_EQ(refused_ + ran_ + dropped_, kCallers * kTasksOfACaller);
    EXPECT_GT(ran_, 0);
    EXPECT_GT(refused_, 0);
  }

 private:
  bool Run(Batch batch) {
    std::atomic<int> sum = 0;
    scheduler_->ParallelFor(static_cast<int64_t>(batch.size()), [&](int64_t i) {
      EXPECT_EQ(batch[i]->batch_key(), batch[0]->batch_key());
      scheduler_->ParallelFor(4, [&](int64_t) { ++sum; });
    });
    EXPECT_EQ(sum, static_cast<int>(batch.size()) * 4);
    for (const std::unique_ptr<BatchTask>& task : batch) ++outcomes_[Id(*task)];
    ran_ += static_cast<int>(batch.size());
    return true;
  }

  void Call(int caller, std::mt19937 random) {
    std::shared_ptr<Cancellation> earlier;
    for (int i = 0; i < kTasksOfACaller; ++i) {
      const int id = caller * kTasksOfACaller + i;
      const auto cancellation = std::make_shared<Cancellation>();
      const absl::Duration time_left = absl::Microseconds(random() % 400);
      std::unique_ptr<BatchTask> task =
          MakeTask({.id = id,
                    .key = absl::StrCat(random() % 3),
                    .work = random() % 2 == 0 ? 1.0 : 2.0,
                    .deadline = random() % 2 == 0 ? RealClock().TimeNow() + time_left : absl::InfiniteFuture(),
                    .cancellation = cancellation,
                    .on_drop = [this, id](const absl::Status&) {
                      ++outcomes_[id];
                      ++dropped_;
                    }});
      std::thread canceller;
      if (random() % 16 == 0) canceller = std::thread([cancellation] { cancellation->Cancel(); });
      if (!scheduler_->Schedule(task).ok()) {
        ++outcomes_[id];
        ++refused_;
      }
      if (earlier != nullptr && random() % 4 == 0) earlier->Cancel();
      earlier = cancellation;
      if (canceller.joinable()) canceller.join();
      absl::MutexLock lock(&mu_);
      ++scheduled_;
    }
  }

  std::unique_ptr<BatchScheduler> scheduler_;
  std::vector<std::atomic<int>> outcomes_;
  std::atomic<int> refused_ = 0, ran_ = 0, dropped_ = 0;
  absl::Mutex mu_;
  int scheduled_ ABSL_GUARDED_BY(mu_) = 0;
};

TEST(BatchSchedulerStormTest, EveryTaskHasExactlyOneOutcome) {
  const int seed = ::testing::UnitTest::GetInstance()->random_seed();
  for (int round = 0; round < 4; ++round) {
    SCOPED_TRACE(absl::StrCat("seed ", seed + 100 * round));
    Storm storm;
    storm.Run(static_cast<uint32_t>(seed + 100 * round), /*max_work_at_once=*/round % 2);
    storm.Check();
  }
}

}  // namespace
}  // namespace lossd
