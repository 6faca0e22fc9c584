// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A task that only says what it is told to, and records its outcome.

#ifndef LOSSD_TESTS_CORE_SCHEDULING_FAKE_TASK_H_
#define LOSSD_TESTS_CORE_SCHEDULING_FAKE_TASK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "core/scheduling/batch_task.h"

namespace lossd::testing {

// What a FakeTask is made from.
struct FakeTaskSpec {
  int id = 0;
  std::string key = "key";
  int64_t bytes = 1;
  double work = 1;
  std::optional<int64_t> touched_bytes = std::nullopt;  // Absent: all.
  absl::Time deadline = absl::InfiniteFuture();
  std::shared_ptr<Cancellation> cancellation = nullptr;
  std::function<void(absl::Status)> on_drop = nullptr;
};

class FakeTask final : public BatchTask {
 public:
  explicit FakeTask(FakeTaskSpec spec) : spec_(std::move(spec)) {}

  absl::string_view batch_key() const override { return spec_.key; }
  int64_t bytes() const override { return spec_.bytes; }
  double work() const override { return spec_.work; }
  int64_t touched_bytes() const override { return spec_.touched_bytes.value_or(spec_.bytes); }
  absl::Time deadline() const override { return spec_.deadline; }
  Cancellation* cancellation() const override { return spec_.cancellation.get(); }
  void Drop(absl::Status status) override {
    if (spec_.on_drop) spec_.on_drop(std::move(status));
  }
  int id() const { return spec_.id; }
  const std::shared_ptr<Cancellation>& shared_cancellation() const { return spec_.cancellation; }

 private:
  const FakeTaskSpec spec_;
};

inline std::unique_ptr<BatchTask> MakeTask(FakeTaskSpec spec) { return std::make_unique<FakeTask>(std::move(spec)); }

inline int Id(const BatchTask& task) { return static_cast<const FakeTask&>(task).id(); }

// The ids of a batch's tasks, in its order.
inline std::vector<int> Ids(const Batch& batch) {
  std::vector<int> ids;
  for (const std::unique_ptr<BatchTask>& task : batch) ids.push_back(Id(*task));
  return ids;
}

// Holds threads up until it is opened. Thread-safe.
class Gate {
 public:
  // Lets an Open that is under way end.
  ~Gate() { absl::MutexLock lock(&mu_); }

  void Open() {
    absl::MutexLock lock(&mu_);
    open_ = true;
  }
  void Wait() {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&open_));
  }

 private:
  absl::Mutex mu_;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_SCHEDULING_FAKE_TASK_H_
