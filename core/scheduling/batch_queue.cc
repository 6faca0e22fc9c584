// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/batch_queue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

template <typename T>
absl::Status CheckAtLeast(absl::string_view field, T value, T least) {
  if (value >= least) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("expected at least ", least, ", got ", value));
}

absl::Status QueueFull(absl::string_view flag, absl::string_view description, bool can_help) {
  return LimitExceeded({.reason = RejectReason::kQueue,
                        .flag = std::string(flag),
                        .description = std::string(description),
                        .retry_delay = can_help ? std::optional(BatchQueue::kRetryDelay) : std::nullopt});
}

}  // namespace

absl::Status Validate(const BatchQueueOptions& options) {
  if (options.max_queue_delay < absl::ZeroDuration()) {
    return InvalidField("max_queue_delay",
                        absl::StrCat("expected at least 0, got ", absl::FormatDuration(options.max_queue_delay)));
  }
  LOSSD_RETURN_IF_ERROR(CheckAtLeast<int64_t>("max_batch_requests", options.max_batch_requests, 1));
  LOSSD_RETURN_IF_ERROR(CheckAtLeast<int64_t>("max_batch_bytes", options.max_batch_bytes, 1));
  LOSSD_RETURN_IF_ERROR(CheckAtLeast<double>("max_batch_work", options.max_batch_work, 1));
  LOSSD_RETURN_IF_ERROR(CheckAtLeast<int64_t>("max_queue_requests", options.max_queue_requests, 1));
  return CheckAtLeast<int64_t>("max_queue_bytes", options.max_queue_bytes, 1);
}

absl::Status BatchQueue::Push(std::unique_ptr<BatchTask>& task, absl::Time now) {
  Advance(now);
  LOSSD_RETURN_IF_ERROR(CheckRoom(*task));
  const absl::Time deadline = task->deadline();
  const absl::Duration hold =
      MayGather() ? std::min(options_.max_queue_delay, (deadline - now) / 2) : absl::ZeroDuration();
  task->enqueued_ = now;
  task->held_until_ = now + hold;
  task->urgency_ = std::min(deadline, now + kPatience);
  task->sequence_ = next_sequence_++;

  const auto [slot, is_new] = groups_.try_emplace(std::string(task->batch_key()));
  BatchGroup& group = slot->second;
  if (is_new) group.key = slot->first;
  task->group_ = &group;
  if (deadline < absl::InfiniteFuture()) deadlines_.emplace(std::pair(deadline, task->sequence_), task.get());
  if (hold > absl::ZeroDuration()) {
    holds_.emplace(std::pair(task->held_until_, task->sequence_), task.get());
    ++group.held;
  }
  group.bytes += task->bytes();
  group.work += task->work();
  bytes_ += task->bytes();
  ++requests_;
  group.tasks.emplace(BatchRank{task->urgency_, task->sequence_}, std::move(task));
  Relist(&group);
  return absl::OkStatus();
}

Batch BatchQueue::TakeAtOnce(std::unique_ptr<BatchTask>& task, absl::Time now) {
  task->enqueued_ = now;
  Batch batch;
  batch.push_back(std::move(task));
  return batch;
}

Batch BatchQueue::PopReady(absl::Time now) {
  Advance(now);
  Batch batch;
  while (batch.empty() && !ready_.empty()) batch = PopFrom(ready_.begin()->second, now);
  return batch;
}

void BatchQueue::Advance(absl::Time now) {
  while (!deadlines_.empty() && deadlines_.begin()->first.first <= now) {
    BatchTask* const task = deadlines_.begin()->second;
    BatchGroup* const group = task->group_;
    MoveTo(expired_, task, now);
    Relist(group);
  }
  while (!holds_.empty() && holds_.begin()->first.first <= now) {
    BatchTask* const task = holds_.begin()->second;
    Unhold(task);
    Relist(task->group_);
  }
}

void BatchQueue::Cancel(BatchTask* task, absl::Time now) {
  BatchGroup* const group = task->group_;
  if (group == nullptr) return;
  MoveTo(cancelled_, task, now);
  Relist(group);
}

Batch BatchQueue::TakeExpired(absl::Time now) {
  Advance(now);
  return std::exchange(expired_, {});
}

void BatchQueue::StopGathering() {
  gathering_ended_ = true;
  while (!holds_.empty()) {
    BatchTask* const task = holds_.begin()->second;
    Unhold(task);
    Relist(task->group_);
  }
}

absl::Time BatchQueue::NextEvent() const {
  absl::Time next = absl::InfiniteFuture();
  if (!deadlines_.empty()) next = deadlines_.begin()->first.first;
  if (!holds_.empty()) next = std::min(next, holds_.begin()->first.first);
  return next;
}

absl::Status BatchQueue::CheckRoom(const BatchTask& task) const {
  if (requests_ >= options_.max_queue_requests) {
    return QueueFull(
        "--max_concurrent_calls",
        absl::StrCat("queued requests: expected at most ", options_.max_queue_requests, ", queued ", requests_),
        /*can_help=*/true);
  }
  if (task.bytes() > options_.max_queue_bytes - bytes_) {
    return QueueFull("--max_inflight_bytes",
                     absl::StrCat("queued bytes: expected at most ", options_.max_queue_bytes, ", queued ", bytes_,
                                  ", this request needs ", task.bytes()),
                     /*can_help=*/task.bytes() <= options_.max_queue_bytes);
  }
  return absl::OkStatus();
}

bool BatchQueue::IsReady(const BatchGroup& group) const {
  const auto tasks = static_cast<int64_t>(group.tasks.size());
  return group.held < tasks || tasks >= options_.max_batch_requests || group.bytes >= options_.max_batch_bytes ||
         group.work >= options_.max_batch_work;
}

Batch BatchQueue::PopFrom(BatchGroup* group, absl::Time now) {
  Batch batch;
  int64_t bytes = 0;
  double work = 0;
  while (!group->tasks.empty() && static_cast<int64_t>(batch.size()) < options_.max_batch_requests) {
    BatchTask* const next = group->tasks.begin()->second.get();
    if (next->cancelled()) {
      MoveTo(cancelled_, next, now);
      continue;
    }
    bytes += next->bytes();
    work += next->work();
    if (!batch.empty() && (bytes > options_.max_batch_bytes || work > options_.max_batch_work)) break;
    batch.push_back(Remove(next));
  }
  Relist(group);
  return batch;
}

void BatchQueue::Unhold(BatchTask* task) {
  if (holds_.erase(std::pair(task->held_until_, task->sequence_)) > 0) --task->group_->held;
}

std::unique_ptr<BatchTask> BatchQueue::Remove(BatchTask* task) {
  BatchGroup& group = *task->group_;
  Unhold(task);
  deadlines_.erase(std::pair(task->deadline(), task->sequence_));
  const auto slot = group.tasks.find(BatchRank{task->urgency_, task->sequence_});
  std::unique_ptr<BatchTask> removed = std::move(slot->second);
  group.tasks.erase(slot);
  group.bytes -= task->bytes();
  group.work -= task->work();
  bytes_ -= task->bytes();
  --requests_;
  task->group_ = nullptr;
  return removed;
}

void BatchQueue::MoveTo(Batch& dropped, BatchTask* task, absl::Time now) {
  task->dropped_ = now;
  dropped.push_back(Remove(task));
}

void BatchQueue::Relist(BatchGroup* group) {
  if (group->rank.has_value()) ready_.erase(*group->rank);
  group->rank.reset();
  if (group->tasks.empty()) {
    groups_.erase(group->key);
  } else if (IsReady(*group)) {
    group->rank = group->tasks.begin()->first;
    ready_.emplace(*group->rank, group);
  }
}

}  // namespace lossd
