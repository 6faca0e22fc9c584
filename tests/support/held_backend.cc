// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/held_backend.h"

#include <algorithm>
#include <utility>

#include "core/batch_runner.h"
#include "core/planner.h"

namespace lossd::testing {

HeldBackend::HeldBackend() : loss_(MakeSquaredNorm()) {}

void HeldBackend::Hold() {
  absl::MutexLock lock(&mu_);
  holding_ = true;
}

void HeldBackend::ReleaseOne() {
  Held task;
  {
    absl::MutexLock lock(&mu_);
    if (held_.empty()) return;
    task = held_.front();
    held_.pop_front();
  }
  Compute(*task);
}

void HeldBackend::Release() {
  std::deque<Held> tasks;
  {
    absl::MutexLock lock(&mu_);
    holding_ = false;
    tasks.swap(held_);
  }
  for (const Held& task : tasks) Compute(*task);
}

void HeldBackend::Fail(const absl::Status& status) {
  std::deque<Held> tasks;
  {
    absl::MutexLock lock(&mu_);
    tasks.swap(held_);
  }
  for (const Held& task : tasks) {
    if (task->cancellation != nullptr) task->cancellation->SetListener({});
    std::move(task->done)(status);
  }
}

void HeldBackend::AwaitHeld(size_t tasks) {
  const auto reached = [this, tasks]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return held_.size() == tasks; };
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(&reached));
}

bool HeldBackend::drained() const {
  absl::MutexLock lock(&mu_);
  return drained_;
}

absl::StatusOr<std::shared_ptr<const Plan>> HeldBackend::Prepare(ComputeSpec request) const {
  ++prepared_;
  request.loss = SquaredNormConfig();
  return MakePlan(std::move(request), *loss_, 1e9);
}

void HeldBackend::Submit(ComputeTask task) {
  const auto held = std::make_shared<ComputeTask>(std::move(task));
  bool holding = false;
  {
    absl::MutexLock lock(&mu_);
    holding = holding_;
    if (holding) held_.push_back(held);
  }
  if (!holding) return Compute(*held);
  if (held->cancellation == nullptr) return;
  held->cancellation->SetListener([this, weak = std::weak_ptr<ComputeTask>(held)] {
    const Held task_cancelled = weak.lock();
    if (task_cancelled != nullptr && Take(task_cancelled)) {
      std::move(task_cancelled->done)(absl::CancelledError("cancelled in the queue"));
    }
  });
}

bool HeldBackend::Take(const Held& task) {
  absl::MutexLock lock(&mu_);
  const auto found = std::find(held_.begin(), held_.end(), task);
  if (found == held_.end()) return false;
  held_.erase(found);
  return true;
}

void HeldBackend::Compute(ComputeTask& task) {
  if (task.cancellation != nullptr) task.cancellation->SetListener({});
  Serial serial;
  const ComputeTask* const batch[] = {&task};
  auto results = RunBatch(*task.plan->loss, batch, {serial, pool_});
  std::move(task.done)(std::move(results[0]));
}

QueueDepth HeldBackend::queue_depth() const {
  absl::MutexLock lock(&mu_);
  QueueDepth depth;
  for (const Held& task : held_) depth.bytes += task->plan->bytes;
  depth.requests = static_cast<int64_t>(held_.size());
  return depth;
}

void HeldBackend::Drain() {
  absl::MutexLock lock(&mu_);
  drained_ = true;
}

}  // namespace lossd::testing
