// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Loops shared out by the scheduler's workers.

#include <atomic>
#include <functional>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "core/scheduling/batch_scheduler.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/scheduling/fake_task.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::Gate;
using ::lossd::testing::MakeTask;
using ::testing::Each;
using ::testing::IsEmpty;

// A scheduler whose tasks run `run`.
class ParallelForTest : public ::testing::Test {
 protected:
  void Start(
      int threads, std::function<void()> run = [] {}) {
    ASSERT_OK_AND_ASSIGN(scheduler_, BatchScheduler::Create({.threads = threads}, [run = std::move(run)](const Batch&) {
                           run();
                           return true;
                         }));
  }
  void MustSchedule() {
    std::unique_ptr<BatchTask> task = MakeTask({});
    EXPECT_OK(scheduler_->Schedule(task));
  }

  // Calls ParallelFor and returns how often each iteration ran.
  std::vector<int> CountRuns(int64_t count) {
    std::vector<int> runs(static_cast<size_t>(count), 0);  // Not atomic: running one twice would be a data race.
    scheduler_->ParallelFor(count, [&](int64_t i) { ++runs[i]; });
    return runs;
  }

  std::unique_ptr<BatchScheduler> scheduler_;
};

TEST_F(ParallelForTest, RunsEachIterationOnceFromOutside) {
  Start(2);
  EXPECT_THAT(CountRuns(0), IsEmpty());
  EXPECT_THAT(CountRuns(1), Each(1));
  for (int round = 0; round < 200; ++round) EXPECT_THAT(CountRuns(100), Each(1));
}

TEST_F(ParallelForTest, TakesNegativeCountAsNone) {
  Start(1);
  scheduler_->ParallelFor(-1, [](int64_t) { FAIL(); });
}

// An iteration may run out of memory, on whichever thread.
TEST_F(ParallelForTest, ThrowsWhatAnIterationThrows) {
  Start(3);
  for (const int64_t count : {1, 2, 1000}) {
    std::atomic<int64_t> running = 0;
    const auto body = [&](int64_t i) {
      ++running;
      const absl::Cleanup leave = [&] { --running; };
      if (i == count / 2) throw std::bad_alloc();
    };
    EXPECT_THROW(scheduler_->ParallelFor(count, body), std::bad_alloc) << count;
    EXPECT_EQ(running, 0);
    EXPECT_THAT(CountRuns(100), Each(1));
  }
}

// The caller takes no iteration but its first, so that the one that throws is a helper's.
TEST_F(ParallelForTest, ThrowsWhatAHelperThrows) {
  Start(2);
  std::atomic<bool> thrown = false;
  const auto body = [&, caller = std::this_thread::get_id()](int64_t) {
    if (std::this_thread::get_id() != caller) {
      thrown = true;
      throw std::bad_alloc();
    }
    while (!thrown) std::this_thread::yield();
  };
  EXPECT_THROW(scheduler_->ParallelFor(1000, body), std::bad_alloc);
  EXPECT_THAT(CountRuns(100), Each(1));
}

TEST_F(ParallelForTest, RunsEachIterationOnceFromInsideABatch) {
  std::vector<int> runs;
  Start(3, [&] { runs = CountRuns(1000); });
  MustSchedule();
  scheduler_->Drain();
  EXPECT_THAT(runs, ::testing::SizeIs(1000));
  EXPECT_THAT(runs, Each(1));
}

TEST_F(ParallelForTest, IdleWorkersTakePart) {
  constexpr int kThreads = 3;
  Start(kThreads);
  // Each iteration waits for the others: this ends only where the caller and all workers take one.
  std::atomic<int> arrived = 0;
  Gate all_arrived;
  scheduler_->ParallelFor(kThreads + 1, [&](int64_t) {
    if (++arrived == kThreads + 1) all_arrived.Open();
    all_arrived.Wait();
  });
  EXPECT_EQ(arrived, kThreads + 1);
}

TEST_F(ParallelForTest, Nests) {
  Start(2);
  constexpr int64_t kOuter = 20, kMiddle = 7, kInner = 11;
  std::vector<int> runs(kOuter * kMiddle * kInner, 0);
  scheduler_->ParallelFor(kOuter, [&](int64_t i) {
    scheduler_->ParallelFor(kMiddle, [&](int64_t j) {
      scheduler_->ParallelFor(kInner, [&](int64_t k) { ++runs[(i * kMiddle + j) * kInner + k]; });
    });
  });
  EXPECT_THAT(runs, Each(1));
}

TEST_F(ParallelForTest, CallerThatWaitsHelpsWithTheLoopsInsideItsOwn) {
  Start(1);
  // The worker's iteration holds a loop of two that meet; the caller's iteration is over when it begins. Only the
  // caller is left to take the second of the two.
  Gate worker_is_in, caller_is_out, first, second;
  scheduler_->ParallelFor(2, [&, caller = std::this_thread::get_id()](int64_t) {
    if (std::this_thread::get_id() == caller) {
      worker_is_in.Wait();
      caller_is_out.Open();
      return;
    }
    worker_is_in.Open();
    caller_is_out.Wait();
    scheduler_->ParallelFor(2, [&](int64_t i) {
      (i == 0 ? first : second).Open();
      (i == 0 ? second : first).Wait();
    });
  });
}

TEST_F(ParallelForTest, WaitingBatchTakesAHelperAwayBetweenIterations) {
  Gate batch_ran;
  std::atomic<bool> has_run = false;
  Start(1, [&] {
    has_run = true;
    batch_ran.Open();
  });
  // The only worker helps. While it is at its first iteration a batch comes in: it must run before the second.
  Gate worker_is_in, scheduled;
  bool callers_first = true, workers_first = true;
  scheduler_->ParallelFor(1000, [&, caller = std::this_thread::get_id()](int64_t) {
    if (std::this_thread::get_id() != caller) {
      EXPECT_TRUE(std::exchange(workers_first, false) || has_run);
      worker_is_in.Open();
      scheduled.Wait();
    } else if (std::exchange(callers_first, false)) {
      worker_is_in.Wait();
      MustSchedule();
      scheduled.Open();
      batch_ran.Wait();
    }
  });
}

TEST_F(ParallelForTest, SeveralThreadsCallItAtOnce) {
  Start(2);
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) EXPECT_THAT(CountRuns(50), Each(1));
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_F(ParallelForTest, GoesOnWhileTheSchedulerDrains) {
  Gate started, draining;
  Start(2, [&] {
    started.Open();
    draining.Wait();
    EXPECT_THAT(CountRuns(500), Each(1));
  });
  MustSchedule();
  started.Wait();
  std::thread drainer([&] { scheduler_->Drain(); });
  std::unique_ptr<BatchTask> refused = MakeTask({});
  while (scheduler_->Schedule(refused).ok()) refused = MakeTask({});
  draining.Open();
  drainer.join();
  EXPECT_THAT(CountRuns(500), Each(1));
}

}  // namespace
}  // namespace lossd
