// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A backend whose computations happen when a test says so.

#ifndef LOSSD_TESTS_SUPPORT_HELD_BACKEND_H_
#define LOSSD_TESTS_SUPPORT_HELD_BACKEND_H_

#include <atomic>
#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "core/engine/parallel.h"
#include "core/loss_backend.h"
#include "core/losses/loss.h"

namespace lossd::testing {

// Computes squared_norm, whichever loss is asked for. Tasks are computed within Submit, or, after Hold, wait until they
// are released or cancelled. Thread-safe.
class HeldBackend final : public LossBackend {
 public:
  HeldBackend();

  // From now on tasks wait.
  void Hold();
  // Computes the task that has waited longest.
  void ReleaseOne();
  // Computes all that wait, and from now on again within Submit.
  void Release();
  // Answers all that wait with `status` instead.
  void Fail(const absl::Status& status);
  // Waits until exactly `tasks` tasks wait.
  void AwaitHeld(size_t tasks);
  bool drained() const;
  // Calls of Prepare.
  int prepared() const { return prepared_; }

  absl::StatusOr<std::shared_ptr<const Plan>> Prepare(ComputeSpec request) const override;
  void Submit(ComputeTask task) override;
  BufferPool& pool() override { return pool_; }
  std::vector<LossDescription> Losses() const override { return {loss_->Describe()}; }
  std::vector<DeviceDescription> Devices() const override { return {{"held", "a test's backend", 1}}; }
  QueueDepth queue_depth() const override;
  void Drain() override;

 private:
  using Held = std::shared_ptr<ComputeTask>;

  void Compute(ComputeTask& task);
  // Takes a task that still waits; false if someone else has.
  bool Take(const Held& task);

  const std::unique_ptr<Loss> loss_;
  BufferPool pool_{size_t{64} << 20};
  mutable std::atomic<int> prepared_ = 0;
  mutable absl::Mutex mu_;
  bool holding_ ABSL_GUARDED_BY(mu_) = false;
  bool drained_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<Held> held_ ABSL_GUARDED_BY(mu_);
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_HELD_BACKEND_H_
