// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Random operations on the queue and on a plain list that follows the rules word by word.

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/scheduling/batch_queue.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/scheduling/fake_task.h"

namespace lossd {
namespace {

using ::lossd::testing::FakeTaskSpec;
using ::lossd::testing::Ids;
using ::lossd::testing::MakeTask;

class QueueModel {
 public:
  explicit QueueModel(const BatchQueueOptions& options) : options_(options) {}

  bool Push(const FakeTaskSpec& spec, absl::Time now) {
    Expire(now);
    int64_t bytes = spec.bytes;
    for (const Item& item : items_) bytes += item.spec.bytes;
    const bool has_room =
        static_cast<int64_t>(items_.size()) < options_.max_queue_requests && bytes <= options_.max_queue_bytes;
    if (has_room) items_.push_back({spec, now});
    return has_room;
  }

  std::vector<int> PopReady(absl::Time now) {
    Expire(now);
    const Item* first = nullptr;
    for (const Item& item : items_) {
      if (IsReady(item.spec.key, now) && (first == nullptr || Urgency(item) < Urgency(*first))) first = &item;
    }
    return first == nullptr ? std::vector<int>() : TakeBatch(first->spec.key);
  }

  void Cancel(int id) {
    const size_t before = items_.size();
    std::erase_if(items_, [id](const Item& item) { return item.spec.id == id; });
    if (items_.size() < before) cancelled_.push_back(id);
  }

  std::vector<int> TakeExpired(absl::Time now) {
    Expire(now);
    return std::exchange(expired_, {});
  }
  std::vector<int> TakeCancelled() { return std::exchange(cancelled_, {}); }
  void Drain() { draining_ = true; }

  int64_t requests() const { return static_cast<int64_t>(items_.size()); }

  absl::Time NextEvent(absl::Time now) const {
    absl::Time next = absl::InfiniteFuture();
    for (const Item& item : items_) {
      next = std::min(next, item.spec.deadline);
      if (HeldUntil(item) > now) next = std::min(next, HeldUntil(item));
    }
    return next;
  }

 private:
  struct Item {
    FakeTaskSpec spec;
    absl::Time enqueued;
  };

  static absl::Time Urgency(const Item& item) {
    return std::min(item.spec.deadline, item.enqueued + BatchQueue::kPatience);
  }

  absl::Time HeldUntil(const Item& item) const {
    if (draining_) return item.enqueued;
    return item.enqueued + std::min(options_.max_queue_delay, (item.spec.deadline - item.enqueued) / 2);
  }

  bool IsReady(const std::string& key, absl::Time now) const {
    int64_t tasks = 0, bytes = 0;
    double work = 0;
    bool due = false;
    for (const Item& item : items_) {
      if (item.spec.key != key) continue;
      ++tasks;
      bytes += item.spec.bytes;
      work += item.spec.work;
      due = due || HeldUntil(item) <= now;
    }
    return due || tasks >= options_.max_batch_requests || bytes >= options_.max_batch_bytes ||
           work >= options_.max_batch_work;
  }

  std::vector<int> TakeBatch(const std::string& key) {
    std::vector<Item> candidates;
    for (const Item& item : items_) {
      if (item.spec.key == key) candidates.push_back(item);
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Item& a, const Item& b) { return Urgency(a) < Urgency(b); });
    std::vector<int> ids;
    int64_t bytes = 0;
    double work = 0;
    for (const Item& item : candidates) {
      bytes += item.spec.bytes;
      work += item.spec.work;
      if (static_cast<int64_t>(ids.size()) == options_.max_batch_requests) break;
      if (!ids.empty() && (bytes > options_.max_batch_bytes || work > options_.max_batch_work)) break;
      ids.push_back(item.spec.id);
      std::erase_if(items_, [&](const Item& other) { return other.spec.id == item.spec.id; });
    }
    return ids;
  }

  void Expire(absl::Time now) {
    std::vector<Item> gone;
    std::copy_if(items_.begin(), items_.end(), std::back_inserter(gone),
                 [now](const Item& item) { return item.spec.deadline <= now; });
    std::erase_if(items_, [now](const Item& item) { return item.spec.deadline <= now; });
    std::stable_sort(gone.begin(), gone.end(),
                     [](const Item& a, const Item& b) { return a.spec.deadline < b.spec.deadline; });
    for (const Item& item : gone) expired_.push_back(item.spec.id);
  }

  const BatchQueueOptions options_;
  std::vector<Item> items_;  // In the order of arrival.
  std::vector<int> expired_;
  std::vector<int> cancelled_;
  bool draining_ = false;
};

// Applies the same random operations to both and compares after each.
class Comparison {
 public:
  explicit Comparison(uint32_t seed) : random_(seed), options_(DrawOptions()), queue_(options_), model_(options_) {}

  void Run(int steps) {
    const int drain_at = Draw(0, 2 * steps);
    for (int step = 0; step < steps; ++step) {
      SCOPED_TRACE(absl::StrCat("step ", step));
      if (step == drain_at) Drain();
      DoSomething(step);
      CompareDropped();
      ASSERT_EQ(queue_.requests(), model_.requests());
      ASSERT_EQ(queue_.NextEvent(), model_.NextEvent(now_));
      if (::testing::Test::HasFailure()) return;
    }
  }

 private:
  int Draw(int least, int most) { return std::uniform_int_distribution<int>(least, most)(random_); }

  BatchQueueOptions DrawOptions() {
    return {.max_queue_delay = absl::Nanoseconds(Draw(0, 1) * Draw(1, 40)),
            .max_batch_requests = Draw(1, 8),
            .max_batch_bytes = Draw(5, 60),
            .max_batch_work = static_cast<double>(Draw(5, 60)),
            .max_queue_requests = Draw(4, 60),
            .max_queue_bytes = Draw(20, 400)};
  }

  void DoSomething(int step) {
    const int operation = Draw(0, 9);
    if (operation < 5) {
      Push(step);
    } else if (operation < 7) {
      const Batch batch = queue_.PopReady(now_);
      EXPECT_EQ(Ids(batch), model_.PopReady(now_));
      Forget(batch);
    } else if (operation == 7 && !queued_.empty()) {
      const auto chosen = std::next(queued_.begin(), Draw(0, static_cast<int>(queued_.size()) - 1));
      queue_.Cancel(chosen->second, now_);
      model_.Cancel(chosen->first);
    } else {
      now_ += absl::Nanoseconds(Draw(0, 20));
    }
  }

  void Push(int id) {
    const FakeTaskSpec spec = {
        .id = id,
        .key = absl::StrCat("key", Draw(0, 4)),
        .bytes = Draw(0, 12),
        .work = static_cast<double>(Draw(0, 12)),
        .deadline = Draw(0, 2) == 0 ? absl::InfiniteFuture() : now_ + absl::Nanoseconds(Draw(1, 200))};
    std::unique_ptr<BatchTask> task = MakeTask(spec);
    BatchTask* const pushed = task.get();
    const bool accepted = queue_.Push(task, now_).ok();
    EXPECT_EQ(accepted, model_.Push(spec, now_));
    EXPECT_EQ(accepted, task == nullptr);
    if (accepted) queued_[id] = pushed;
  }

  void Drain() {
    queue_.StopGathering();
    model_.Drain();
  }

  void CompareDropped() {
    const Batch expired = queue_.TakeExpired(now_);
    const Batch cancelled = queue_.TakeCancelled();
    EXPECT_EQ(Ids(expired), model_.TakeExpired(now_));
    EXPECT_EQ(Ids(cancelled), model_.TakeCancelled());
    Forget(expired);
    Forget(cancelled);
  }

  void Forget(const Batch& batch) {
    for (const int id : Ids(batch)) queued_.erase(id);
  }

  std::mt19937 random_;
  const BatchQueueOptions options_;
  BatchQueue queue_;
  QueueModel model_;
  std::map<int, BatchTask*> queued_;  // By id.
  absl::Time now_ = absl::UnixEpoch();
};

class QueueModelTest : public ::testing::TestWithParam<int> {};

TEST_P(QueueModelTest, BehavesLikeAPlainList) {
  const auto seed = static_cast<uint32_t>(::testing::UnitTest::GetInstance()->random_seed() * 1000 + GetParam());
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  Comparison(seed).Run(/*steps=*/3000);
}

INSTANTIATE_TEST_SUITE_P(Seeds, QueueModelTest, ::testing::Range(0, 20));

}  // namespace
}  // namespace lossd
