// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What scheduling costs: the queue's operations, the way from Schedule to the run, and loops shared out.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <latch>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/scheduling/admission.h"
#include "core/scheduling/batch_scheduler.h"
#include "tests/core/scheduling/fake_task.h"

namespace lossd {
namespace {

using ::lossd::testing::MakeTask;
using SteadyClock = std::chrono::steady_clock;

template <typename Run>
std::unique_ptr<BatchScheduler> MakeScheduler(int threads, Run run) {
  return *BatchScheduler::Create({.threads = threads}, [run = std::move(run)](Batch batch) {
    run(std::move(batch));
    return true;
  });
}

// Some `steps` nanoseconds of computation: fixed work, not fixed time, so that a busy machine shows.
void Compute(int64_t steps) {
  double x = 1;
  for (int64_t i = 0; i < steps; ++i) benchmark::DoNotOptimize(x = x * 1.0000001 + 1e-9);
}

double SecondsSince(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

void ReportPercentiles(benchmark::State& state, std::vector<double> latencies_us) {
  std::sort(latencies_us.begin(), latencies_us.end());
  state.counters["p50_us"] = latencies_us[latencies_us.size() / 2];
  state.counters["p99_us"] = latencies_us[latencies_us.size() * 99 / 100];
}

// A pool of one worker, which is busy until `gate` opens.
std::unique_ptr<BatchScheduler> MakeBusyScheduler(testing::Gate& gate) {
  auto scheduler = MakeScheduler(1, [&gate](const Batch&) { gate.Wait(); });
  std::unique_ptr<BatchTask> blocker = MakeTask({});
  benchmark::DoNotOptimize(scheduler->Schedule(blocker));
  while (scheduler->queue_requests() > 0) std::this_thread::yield();
  return scheduler;
}

// A task that notes how much later than its deadline it left the queue, and takes some tens of microseconds to answer.
class ExpiringTask final : public BatchTask {
 public:
  ExpiringTask(absl::Time deadline, std::vector<double>& lateness_us, std::latch& answered)
      : deadline_(deadline), lateness_us_(lateness_us), answered_(answered) {}

  absl::string_view batch_key() const override { return "key"; }
  int64_t bytes() const override { return 1; }
  double work() const override { return 1; }
  absl::Time deadline() const override { return deadline_; }
  void Drop(absl::Status) override {
    lateness_us_.push_back(absl::ToDoubleMicroseconds(dropped() - deadline_));
    Compute(15'000);
    answered_.count_down();
  }

 private:
  const absl::Time deadline_;
  std::vector<double>& lateness_us_;
  std::latch& answered_;
};

// How late tasks leave the queue whose deadlines pass one every state.range(0) microseconds, while the worker is busy.
void BM_LeaveQueueExpired(benchmark::State& state) {
  constexpr int kTasks = 50;
  std::vector<double> lateness_us;
  for (auto _ : state) {
    testing::Gate gate;
    const auto scheduler = MakeBusyScheduler(gate);
    std::latch answered(kTasks);
    const absl::Time first = absl::Now() + absl::Milliseconds(20);
    for (int i = 0; i < kTasks; ++i) {
      std::unique_ptr<BatchTask> task =
          std::make_unique<ExpiringTask>(first + i * absl::Microseconds(state.range(0)), lateness_us, answered);
      if (!scheduler->Schedule(task).ok()) {
        state.SkipWithError("a task was refused");
        answered.count_down();
      }
    }
    answered.wait();
    gate.Open();
  }
  ReportPercentiles(state, std::move(lateness_us));
}
BENCHMARK(BM_LeaveQueueExpired)->Arg(0)->Arg(20)->Arg(100)->Iterations(200);

void BM_AdmissionReserve(benchmark::State& state) {
  static Admission admission(int64_t{1} << 40, 1 << 20);
  for (auto _ : state) benchmark::DoNotOptimize(admission.Reserve(1000));
}
BENCHMARK(BM_AdmissionReserve)->ThreadRange(1, 2);

// One Push and its part of a PopReady with state.range(0) tasks of ten keys waiting.
void BM_QueuePushAndPop(benchmark::State& state) {
  BatchQueue queue({.max_batch_requests = 1, .max_queue_requests = 1 << 20});
  const absl::Time now = absl::UnixEpoch();
  int64_t pushed = 0;
  const auto push = [&] {
    std::unique_ptr<BatchTask> task =
        MakeTask({.key = absl::StrCat("key", pushed % 10), .deadline = now + absl::Hours(1) + absl::Seconds(pushed)});
    ++pushed;
    benchmark::DoNotOptimize(queue.Push(task, now));
  };
  for (int64_t i = 0; i < state.range(0); ++i) push();
  for (auto _ : state) {
    push();
    benchmark::DoNotOptimize(queue.PopReady(now));
  }
}
BENCHMARK(BM_QueuePushAndPop)->Arg(0)->Arg(100)->Arg(10000);

// From Schedule to the start of the run, on an idle pool that had time to fall asleep. `p50_us` is the median.
void BM_ScheduleToRun(benchmark::State& state) {
  std::atomic<int64_t> started = 0;
  const auto scheduler = MakeScheduler(static_cast<int>(state.range(0)), [&](const Batch&) {
    started.store(SteadyClock::now().time_since_epoch().count(), std::memory_order_release);
  });
  std::vector<double> latencies;
  for (auto _ : state) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    started.store(0, std::memory_order_relaxed);
    std::unique_ptr<BatchTask> task = MakeTask({});
    const int64_t begin = SteadyClock::now().time_since_epoch().count();
    benchmark::DoNotOptimize(scheduler->Schedule(task));
    int64_t end = 0;
    while ((end = started.load(std::memory_order_acquire)) == 0) std::this_thread::yield();
    latencies.push_back(static_cast<double>(end - begin) * 1e-3);
    state.SetIterationTime(static_cast<double>(end - begin) * 1e-9);
  }
  ReportPercentiles(state, std::move(latencies));
}
BENCHMARK(BM_ScheduleToRun)->Arg(1)->Arg(2)->UseManualTime()->Iterations(2000)->Unit(benchmark::kMicrosecond);

// From Cancel to Drop of a queued task, while the only worker is busy.
void BM_CancelToDrop(benchmark::State& state) {
  testing::Gate gate;
  const auto scheduler = MakeBusyScheduler(gate);
  std::vector<double> latencies;
  for (auto _ : state) {
    std::atomic<int64_t> dropped = 0;
    const auto cancellation = std::make_shared<Cancellation>();
    std::unique_ptr<BatchTask> task = MakeTask({.cancellation = cancellation, .on_drop = [&](const absl::Status&) {
                                                  dropped = SteadyClock::now().time_since_epoch().count();
                                                }});
    benchmark::DoNotOptimize(scheduler->Schedule(task));
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    const int64_t begin = SteadyClock::now().time_since_epoch().count();
    cancellation->Cancel();
    while (dropped == 0) std::this_thread::yield();
    latencies.push_back(static_cast<double>(dropped - begin) * 1e-3);
    state.SetIterationTime(static_cast<double>(dropped - begin) * 1e-9);
  }
  gate.Open();
  ReportPercentiles(state, std::move(latencies));
}
BENCHMARK(BM_CancelToDrop)->UseManualTime()->Iterations(1000)->Unit(benchmark::kMicrosecond);

// From the deadline of a queued task to its Drop, while the only worker is busy. On top of the system's timers.
void BM_DeadlineToDrop(benchmark::State& state) {
  testing::Gate gate;
  const auto scheduler = MakeBusyScheduler(gate);
  std::vector<double> latencies;
  for (auto _ : state) {
    std::atomic<int64_t> late = 0;
    const absl::Time deadline = RealClock().TimeNow() + absl::Milliseconds(1);
    std::unique_ptr<BatchTask> task = MakeTask({.deadline = deadline, .on_drop = [&](const absl::Status&) {
                                                  late = absl::ToInt64Nanoseconds(RealClock().TimeNow() - deadline);
                                                }});
    benchmark::DoNotOptimize(scheduler->Schedule(task));
    while (late == 0) std::this_thread::yield();
    latencies.push_back(static_cast<double>(late) * 1e-3);
    state.SetIterationTime(static_cast<double>(late) * 1e-9);
  }
  gate.Open();
  ReportPercentiles(state, std::move(latencies));
}
BENCHMARK(BM_DeadlineToDrop)->UseManualTime()->Iterations(500)->Unit(benchmark::kMicrosecond);

// An empty loop of two iterations where nobody is idle: the only worker calls it.
void BM_ParallelForNobodyIdle(benchmark::State& state) {
  BatchScheduler* pool = nullptr;
  const auto scheduler = MakeScheduler(1, [&](const Batch&) {
    for (auto _ : state) pool->ParallelFor(state.range(0), [](int64_t i) { benchmark::DoNotOptimize(i); });
  });
  pool = scheduler.get();
  std::unique_ptr<BatchTask> task = MakeTask({});
  benchmark::DoNotOptimize(scheduler->Schedule(task));
  scheduler->Drain();
}
BENCHMARK(BM_ParallelForNobodyIdle)->Arg(2)->Arg(16);

// A loop of 16 iterations of equal work, called by a worker of a pool of two. `iteration_us` is what one takes,
// `speedup` is over the same iterations on one thread, measured in the same run.
void BM_ParallelForTwoWorkers(benchmark::State& state) {
  const int64_t steps = state.range(0);
  BatchScheduler* pool = nullptr;
  const auto scheduler = MakeScheduler(2, [&](const Batch&) {
    constexpr int kSerialIterations = 200;
    SteadyClock::time_point begin = SteadyClock::now();
    for (int i = 0; i < kSerialIterations; ++i) Compute(steps);
    const double iteration = SecondsSince(begin) / kSerialIterations;
    begin = SteadyClock::now();
    for (auto _ : state) pool->ParallelFor(16, [&](int64_t) { Compute(steps); });
    state.counters["iteration_us"] = iteration * 1e6;
    state.counters["speedup"] = 16 * iteration * static_cast<double>(state.iterations()) / SecondsSince(begin);
  });
  pool = scheduler.get();
  std::unique_ptr<BatchTask> task = MakeTask({});
  benchmark::DoNotOptimize(scheduler->Schedule(task));
  scheduler->Drain();
}
BENCHMARK(BM_ParallelForTwoWorkers)
    ->RangeMultiplier(4)
    ->Range(64, 1 << 18)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

// Tasks a second through a pool of two from one caller, and how they gather.
void BM_ScheduleThroughput(benchmark::State& state) {
  std::atomic<int64_t> ran = 0, batches = 0;
  const auto scheduler = MakeScheduler(2, [&](const Batch& batch) {
    ran += static_cast<int64_t>(batch.size());
    ++batches;
  });
  int64_t refused = 0;
  for (auto _ : state) {
    std::unique_ptr<BatchTask> task = MakeTask({});
    if (!scheduler->Schedule(task).ok()) ++refused;
  }
  scheduler->Drain();
  state.SetItemsProcessed(ran);
  state.counters["tasks_per_batch"] = static_cast<double>(ran) / static_cast<double>(batches);
  state.counters["refused"] = static_cast<double>(refused);
}
BENCHMARK(BM_ScheduleThroughput)->UseRealTime();

}  // namespace
}  // namespace lossd
