// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Runs tasks in batches on a pool of threads, which also share out the loops of a running batch.

#ifndef LOSSD_CORE_SCHEDULING_BATCH_SCHEDULER_H_
#define LOSSD_CORE_SCHEDULING_BATCH_SCHEDULER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "core/scheduling/batch_queue.h"
#include "core/scheduling/batch_task.h"
#include "core/scheduling/clock.h"
#include "core/scheduling/parallel_loop.h"
#include "core/scheduling/run_times.h"

namespace lossd {

struct BatchSchedulerOptions {
  static constexpr int kMaxThreads = 1024;
  // Threads that run batches, 1 to kMaxThreads. As many as processors the process may use: batches compute, they do not
  // wait.
  int threads = 1;
  // Bounds on the queue and on a batch.
  BatchQueueOptions queue = {};
  // A task of at most so many estimated operations, which touches at most kMaxBytesAtOnce, runs within Schedule, on the
  // thread that calls it, if nothing waits and a worker is idle: waking that worker would take longer than the task. Of
  // so short a run no time is taken and none required. 0: never.
  double max_work_at_once = 0;
  // Where time comes from. Not owned; outlives the scheduler. Null: RealClock().
  Clock* clock = nullptr;
};

// Runs batches of tasks. Thread-safe, unless said otherwise.
//
// An idle worker takes a task at once; while all are busy, tasks of equal keys gather (BatchQueue says which run next).
// Every accepted task has exactly one outcome: it is handed to `run` in one batch, or its Drop is called. Tasks that
// expire or are cancelled while they wait leave the queue within a millisecond, whatever the workers are doing; those
// that expire while a worker runs them have their Cancellation cancelled then. No function of the caller's is called
// with a lock held.
class BatchScheduler {
 public:
  // Bytes that a processor reads and writes in some tens of microseconds.
  static constexpr int64_t kMaxBytesAtOnce = 256 << 10;

  // Runs and answers a batch of one key. Called by several workers at once. Must not throw, and must not call Drain.
  // Says whether it has computed all of it: only then does the time that it took tell how long its key takes.
  using BatchFunction = absl::AnyInvocable<bool(Batch) const>;

  // INVALID_ARGUMENT naming the option that is out of range.
  static absl::StatusOr<std::unique_ptr<BatchScheduler>> Create(const BatchSchedulerOptions& options,
                                                                BatchFunction run);

  // Drains and joins. No other call may be in progress or follow.
  ~BatchScheduler();

  // Accepts a task; never blocks, but may run it (max_work_at_once). On error `task` is left with the caller, and was
  // not and will not be answered:
  //   UNAVAILABLE, draining        after Drain was called
  //   CANCELLED                    its cancellation came first
  //   DEADLINE_EXCEEDED, deadline  less time is left than the shortest run of its key took, of at least 20 by workers
  //   RESOURCE_EXHAUSTED, queue    the queue is full
  absl::Status Schedule(std::unique_ptr<BatchTask>& task);

  // Calls `body(i)` once for each i in [0, count) and returns when all calls have returned; what they wrote is visible
  // then. May be called from inside `run` or `body` (nested), and from any other thread. The caller takes iterations
  // one after another; idle workers help. Waiting batches come first: a helper looks for them between iterations, so
  // that an iteration is the longest that one waits for a worker that helps. Takes well below a microsecond where no
  // worker is idle; where one is, it is woken, which costs the caller a few microseconds: iterations should take tens
  // of microseconds at least. What `body` throws is thrown here, and iterations not begun by then are left out.
  void ParallelFor(int64_t count, absl::FunctionRef<void(int64_t)> body);

  // From now on no task waits for company.
  void StopGathering();

  // Refuses new tasks, runs the queued ones without waiting for company, and returns when every accepted task was
  // answered. May be called more than once. Not from inside `run`, Drop or a loop's body.
  void Drain();

  // Tasks and bytes that wait to run.
  int64_t queue_requests() const;
  int64_t queue_bytes() const;

  int threads() const { return threads_; }

 private:
  // Deadlines of tasks that run and may be cancelled. The tasks themselves go while the batch still runs.
  using RunningBatch = absl::InlinedVector<std::pair<absl::Time, std::shared_ptr<Cancellation>>, 4>;

  BatchScheduler(const BatchSchedulerOptions& options, BatchFunction run);
  void Start();

  void WorkerLoop();
  void ReaperLoop();
  bool WorkerHasWork() const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  bool ReaperHasWork() const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  bool AllAnswered() const ABSL_SHARED_LOCKS_REQUIRED(mu_) { return unanswered_ == 0 && standing_in_ == 0; }

  bool RunAtOnce(std::unique_ptr<BatchTask>& task) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Push(std::unique_ptr<BatchTask>& task) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Check(const BatchTask& task, absl::Time now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsSmall(const BatchTask& task) const;
  absl::Status CheckDeadline(const BatchTask& task, absl::Time now) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  void WaitForHelpers(ParallelLoop* loop) ABSL_LOCKS_EXCLUDED(mu_);
  void OnCancelled(BatchTask* task) ABSL_LOCKS_EXCLUDED(mu_);

  // Each releases mu_ while it calls out and holds it again on return.
  void Run(Batch batch, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Help(ParallelLoop* loop, const std::atomic<bool>* stop) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool DropSome(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DropEach(Batch tasks, absl::StatusCode code, absl::string_view reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Notes the deadlines of a batch that a worker runs, and forgets them.
  void WatchDeadlines(const Batch& batch, RunningBatch* running) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void UnwatchDeadlines(RunningBatch* running) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Cancels what runs and is late. Releases mu_ meanwhile.
  bool CancelLate(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Time NextEvent() const ABSL_SHARED_LOCKS_REQUIRED(mu_);

  // Tells threads that do not hold mu_; to be called after every change of queue_, idle_ and draining_.
  void Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const int threads_;
  const double max_work_at_once_;
  const int64_t max_queue_bytes_;
  Clock* const clock_;  // Not owned.
  const BatchFunction run_;

  mutable absl::Mutex mu_;
  BatchQueue queue_ ABSL_GUARDED_BY(mu_);
  RunTimes run_times_ ABSL_GUARDED_BY(mu_);
  ParallelLoops loops_ ABSL_GUARDED_BY(mu_);
  std::vector<RunningBatch*> running_ ABSL_GUARDED_BY(mu_);             // Not owned; those with deadlines.
  absl::Time next_late_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();  // No task of running_ is late before.
  int64_t unanswered_ ABSL_GUARDED_BY(mu_) = 0;                         // Queued tasks without an outcome yet.
  int idle_ ABSL_GUARDED_BY(mu_) = 0;                                   // Workers that wait for work.
  absl::Time reaper_wakes_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::atomic<bool> batch_ready_ = false;  // queue_.has_ready(), for helpers between iterations.

  // Small tasks are run without mu_: workers wait on it, and whoever gives it back has to look what for. So many
  // callers of Schedule may be standing in for idle workers, and so many are, or are about to find out that they may
  // not. Sequentially consistent, so that of a caller and Drain one sees the other.
  std::atomic<int> may_stand_in_ = 0;
  std::atomic<int> standing_in_ = 0;

  std::vector<std::thread> threads_running_;  // The workers, then the reaper. Joined by the destructor.
};

}  // namespace lossd

#endif  // LOSSD_CORE_SCHEDULING_BATCH_SCHEDULER_H_
