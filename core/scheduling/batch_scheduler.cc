// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/batch_scheduler.h"

#include <pthread.h>
#include <sys/prctl.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

// How often a thread that waits for the helpers of its loop gives way to others before it goes to sleep.
constexpr int kYieldsBeforeSleep = 20;

absl::Status Validate(const BatchSchedulerOptions& options) {
  constexpr int kMaxThreads = BatchSchedulerOptions::kMaxThreads;
  if (options.threads < 1 || options.threads > kMaxThreads) {
    return InvalidField("threads", absl::StrCat("expected 1 to ", kMaxThreads, ", got ", options.threads));
  }
  return Validate(options.queue);
}

void NameThisThread(const std::string& name) { pthread_setname_np(pthread_self(), name.c_str()); }

// After this, the scheduler hears no more of the task's cancellation, and the task may be destroyed.
void StopListening(const BatchTask& task) {
  if (task.cancellation() != nullptr) task.cancellation()->SetListener(nullptr);
}

std::string InQueue(const BatchTask& task) {
  return absl::StrCat(" after ", absl::FormatDuration(task.dropped() - task.enqueued()), " in the queue");
}

// Timers of this thread go off when they are due; usually Linux lets them be up to 50 us late, to save wake-ups.
void MakeTimersExact() { prctl(PR_SET_TIMERSLACK, 1UL); }

}  // namespace

absl::StatusOr<std::unique_ptr<BatchScheduler>> BatchScheduler::Create(const BatchSchedulerOptions& options,
                                                                       BatchFunction run) {
  LOSSD_RETURN_IF_ERROR(Validate(options));
  std::unique_ptr<BatchScheduler> scheduler(new BatchScheduler(options, std::move(run)));
  scheduler->Start();
  return scheduler;
}

BatchScheduler::BatchScheduler(const BatchSchedulerOptions& options, BatchFunction run)
    : threads_(options.threads),
      max_work_at_once_(options.max_work_at_once),
      max_queue_bytes_(options.queue.max_queue_bytes),
      clock_(options.clock != nullptr ? options.clock : &RealClock()),
      run_(std::move(run)),
      queue_(options.queue) {}

void BatchScheduler::Start() {
  for (int i = 0; i < threads_; ++i) {
    threads_running_.emplace_back([this, i] {
      NameThisThread(absl::StrCat("lossd-work-", i));
      WorkerLoop();
    });
  }
  threads_running_.emplace_back([this] {
    NameThisThread("lossd-reaper");
    MakeTimersExact();
    ReaperLoop();
  });
}

BatchScheduler::~BatchScheduler() {
  Drain();
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_running_) thread.join();
}

absl::Status BatchScheduler::Schedule(std::unique_ptr<BatchTask>& task) {
  if (RunAtOnce(task)) return absl::OkStatus();
  BatchTask* const listening = task.get();
  if (task->cancellation() != nullptr) {
    task->cancellation()->SetListener([this, listening] { OnCancelled(listening); });
  }
  absl::Status status = Push(task);
  if (!status.ok()) StopListening(*task);
  return status;
}

// Runs the task in place of an idle worker, if there is one that nobody stands in for.
bool BatchScheduler::RunAtOnce(std::unique_ptr<BatchTask>& task) {
  if (!IsSmall(*task)) return false;
  Batch batch;
  const int others = standing_in_.fetch_add(1);  // Said before it is asked whether that is wanted.
  if (others < may_stand_in_.load()) {
    const absl::Time now = clock_->TimeNow();
    if (!task->cancelled() && now < task->deadline()) batch = BatchQueue::TakeAtOnce(task, now);
  }
  const bool runs = !batch.empty();
  if (runs) run_(std::move(batch));
  standing_in_.fetch_sub(1);
  if (may_stand_in_.load() == 0) absl::MutexLock lock(&mu_);  // Drain, if it waits for this, looks again.
  return runs;
}

bool BatchScheduler::IsSmall(const BatchTask& task) const {
  return max_work_at_once_ > 0 && task.work() <= max_work_at_once_ && task.touched_bytes() <= kMaxBytesAtOnce &&
         task.bytes() <= max_queue_bytes_;
}

absl::Status BatchScheduler::Push(std::unique_ptr<BatchTask>& task) {
  absl::MutexLock lock(&mu_);
  const absl::Time now = clock_->TimeNow();
  LOSSD_RETURN_IF_ERROR(Check(*task, now));
  absl::Status status = queue_.Push(task, now);
  if (status.ok()) ++unanswered_;
  Publish();
  return status;
}

absl::Status BatchScheduler::Check(const BatchTask& task, absl::Time now) const {
  if (draining_) {
    return Rejected(absl::StatusCode::kUnavailable, {.reason = RejectReason::kDraining,
                                                     .flag = "",
                                                     .description = "the server is draining",
                                                     .retry_delay = BatchQueue::kRetryDelay});
  }
  // A cancellation that comes later finds the task in the queue, because its listener waits for the lock.
  if (task.cancelled()) return absl::CancelledError("cancelled before it was queued");
  return CheckDeadline(task, now);
}

absl::Status BatchScheduler::CheckDeadline(const BatchTask& task, absl::Time now) const {
  const absl::Duration left = task.deadline() - now;
  const absl::Duration needed = run_times_.Shortest(task.batch_key()).value_or(absl::ZeroDuration());
  if (left > absl::ZeroDuration() && left >= needed) return absl::OkStatus();
  return Rejected(
      absl::StatusCode::kDeadlineExceeded,
      {.reason = RejectReason::kDeadline,
       .flag = "",
       .description = absl::StrCat("deadline: expected at least ", absl::FormatDuration(needed),
                                   " for the computation, got ", absl::FormatDuration(left), ", after 0 in the queue"),
       .retry_delay = std::nullopt});
}

void BatchScheduler::OnCancelled(BatchTask* task) {
  absl::MutexLock lock(&mu_);
  queue_.Cancel(task, clock_->TimeNow());
  Publish();
}

void BatchScheduler::ParallelFor(int64_t count, absl::FunctionRef<void(int64_t)> body) {
  if (count <= 0) return;
  if (count == 1) return body(0);
  ParallelLoop loop(count, body);
  {
    absl::MutexLock lock(&mu_);
    loops_.Add(&loop);
  }
  loop.RunAll();
  {
    absl::MutexLock lock(&mu_);
    loops_.Remove(&loop);
  }
  WaitForHelpers(&loop);
  loop.RethrowError();
}

void BatchScheduler::WaitForHelpers(ParallelLoop* loop) {
  for (int i = 0; i < kYieldsBeforeSleep && loop->HasHelpers(); ++i) std::this_thread::yield();
  if (!loop->HasHelpers()) return;
  absl::MutexLock lock(&mu_);
  const auto can_go_on = [this, loop] {
    mu_.AssertReaderHeld();
    return !loop->HasHelpers() || loops_.FindUnclaimed(loop) != nullptr;
  };
  while (loop->HasHelpers()) {
    mu_.Await(absl::Condition(&can_go_on));
    if (ParallelLoop* const inner = loops_.FindUnclaimed(loop)) Help(inner, /*stop=*/nullptr);
  }
}

void BatchScheduler::StopGathering() {
  absl::MutexLock lock(&mu_);
  queue_.StopGathering();
  Publish();
}

void BatchScheduler::Drain() {
  absl::MutexLock lock(&mu_);
  draining_ = true;
  queue_.StopGathering();
  Publish();
  mu_.Await(absl::Condition(this, &BatchScheduler::AllAnswered));
}

int64_t BatchScheduler::queue_requests() const {
  absl::MutexLock lock(&mu_);
  return queue_.requests();
}

int64_t BatchScheduler::queue_bytes() const {
  absl::MutexLock lock(&mu_);
  return queue_.bytes();
}

void BatchScheduler::WorkerLoop() {
  absl::MutexLock lock(&mu_);
  while (true) {
    ++idle_;
    Publish();
    mu_.Await(absl::Condition(this, &BatchScheduler::WorkerHasWork));
    --idle_;
    Publish();
    if (queue_.has_ready()) {
      const absl::Time now = clock_->TimeNow();
      Batch batch = queue_.PopReady(now);
      RunningBatch running;
      WatchDeadlines(batch, &running);
      Publish();
      if (!batch.empty()) Run(std::move(batch), now);
      UnwatchDeadlines(&running);
    } else if (ParallelLoop* const loop = loops_.FindUnclaimed(nullptr)) {
      Help(loop, &batch_ready_);
    } else if (stopping_) {
      return;
    }
  }
}

bool BatchScheduler::WorkerHasWork() const {
  return queue_.has_ready() || loops_.FindUnclaimed(nullptr) != nullptr || stopping_;
}

void BatchScheduler::Run(Batch batch, absl::Time now) {
  const auto tasks = static_cast<int64_t>(batch.size());
  const std::string key(batch.front()->batch_key());
  mu_.Unlock();
  for (const std::unique_ptr<BatchTask>& task : batch) StopListening(*task);
  const bool computed = run_(std::move(batch));
  mu_.Lock();
  if (computed) run_times_.Record(key, clock_->TimeNow() - now);
  unanswered_ -= tasks;
}

void BatchScheduler::Help(ParallelLoop* loop, const std::atomic<bool>* stop) {
  loop->AddHelper();
  mu_.Unlock();
  if (stop != nullptr) {
    loop->RunUntil(*stop);
  } else {
    loop->RunAll();
  }
  mu_.Lock();
  loop->RemoveHelper();
}

void BatchScheduler::ReaperLoop() {
  absl::MutexLock lock(&mu_);
  while (!stopping_) {
    const absl::Time now = clock_->TimeNow();
    if (DropSome(now) || CancelLate(now)) continue;
    reaper_wakes_ = NextEvent();
    clock_->AwaitWithDeadline(&mu_, absl::Condition(this, &BatchScheduler::ReaperHasWork), reaper_wakes_);
  }
}

bool BatchScheduler::ReaperHasWork() const {
  if (stopping_ || queue_.has_dropped()) return true;
  // An idle worker that is about to take the batch may well take the next event away with it.
  return NextEvent() < reaper_wakes_ && !(idle_ > 0 && queue_.has_ready());
}

absl::Time BatchScheduler::NextEvent() const { return std::min(queue_.NextEvent(), next_late_); }

void BatchScheduler::WatchDeadlines(const Batch& batch, RunningBatch* running) {
  for (const std::unique_ptr<BatchTask>& task : batch) {
    if (task->deadline() == absl::InfiniteFuture() || task->cancellation() == nullptr) continue;
    running->emplace_back(task->deadline(), task->cancellation()->weak_from_this().lock());
    next_late_ = std::min(next_late_, task->deadline());
  }
  if (!running->empty()) running_.push_back(running);
}

// Leaves next_late_: the reaper looks once too often, rather than every batch at all others.
void BatchScheduler::UnwatchDeadlines(RunningBatch* running) {
  const auto found = std::find(running_.begin(), running_.end(), running);
  if (found != running_.end()) running_.erase(found);
}

bool BatchScheduler::CancelLate(absl::Time now) {
  if (now < next_late_) return false;
  std::vector<std::shared_ptr<Cancellation>> late;
  next_late_ = absl::InfiniteFuture();
  for (RunningBatch* const running : running_) {
    for (auto& [deadline, cancellation] : *running) {
      if (cancellation == nullptr) continue;
      if (deadline > now) {
        next_late_ = std::min(next_late_, deadline);
      } else {
        late.push_back(std::move(cancellation));
      }
    }
  }
  mu_.Unlock();
  for (const auto& cancellation : late) cancellation->Cancel();
  late.clear();
  mu_.Lock();
  return true;
}

bool BatchScheduler::DropSome(absl::Time now) {
  Batch expired = queue_.TakeExpired(now);
  Batch cancelled = queue_.TakeCancelled();
  Publish();
  if (expired.empty() && cancelled.empty()) return false;
  DropEach(std::move(expired), absl::StatusCode::kDeadlineExceeded, "deadline exceeded");
  DropEach(std::move(cancelled), absl::StatusCode::kCancelled, "cancelled");
  return true;
}

void BatchScheduler::DropEach(Batch tasks, absl::StatusCode code, absl::string_view reason) {
  for (std::unique_ptr<BatchTask>& task : tasks) {
    mu_.Unlock();
    StopListening(*task);
    task->Drop(absl::Status(code, absl::StrCat(reason, InQueue(*task))));
    task = nullptr;
    mu_.Lock();
    --unanswered_;
    // An answer takes tens of microseconds. What expires meanwhile must not keep its room until the last is given.
    queue_.Advance(clock_->TimeNow());
    Publish();
  }
}

void BatchScheduler::Publish() {
  batch_ready_.store(queue_.has_ready(), std::memory_order_relaxed);
  may_stand_in_ = !draining_ && queue_.TakesAtOnce() ? idle_ : 0;
}

}  // namespace lossd
