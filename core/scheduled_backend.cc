// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduled_backend.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/batch_runner.h"
#include "core/planner.h"
#include "core/scheduling/clock.h"
#include "core/scheduling/typed_scheduler.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

// Whether what the copy of the inputs has seen is all that the run is to find out.
bool IsDoneByCopy(const ComputeTask& task) {
  const Plan& plan = *task.plan;
  return plan.detail->uses_squares_of_inputs && plan.detail->gradients_are_inputs && !task.inputs_swept.empty() &&
         std::all_of(task.inputs_swept.begin(), task.inputs_swept.end(),
                     [](const InputSweep& input) { return input.sum_of_squares.has_value(); }) &&
         std::all_of(plan.gradients.begin(), plan.gradients.end(), [&](const GradientPlan& gradient) {
           return gradient.spec.dtype == plan.inputs[static_cast<size_t>(gradient.source)].dtype;
         });
}

// A request on its way through the scheduler.
class QueuedTask final : public BatchTask {
 public:
  explicit QueuedTask(ComputeTask task) : task_(std::move(task)), done_by_copy_(IsDoneByCopy(task_)) {}

  absl::string_view batch_key() const override { return task_.plan->detail->batch_key; }
  int64_t bytes() const override { return task_.plan->bytes; }
  double work() const override { return done_by_copy_ ? 0 : task_.plan->detail->flops; }
  int64_t touched_bytes() const override { return done_by_copy_ ? 0 : bytes(); }
  absl::Time deadline() const override { return task_.deadline; }
  Cancellation* cancellation() const override { return task_.cancellation.get(); }
  void Drop(absl::Status status) override { Answer(std::move(status)); }

  const ComputeTask& task() const { return task_; }
  void Answer(absl::StatusOr<ComputeResult> result) { std::move(task_.done)(std::move(result)); }

 private:
  ComputeTask task_;
  const bool done_by_copy_;
};

using Scheduler = TypedScheduler<QueuedTask>;

// The scheduler's workers as a computation sees them.
class WorkerParallel final : public Parallel {
 public:
  explicit WorkerParallel(Scheduler& scheduler) : scheduler_(scheduler) {}
  void For(int64_t count, absl::FunctionRef<void(int64_t)> body) override { scheduler_.ParallelFor(count, body); }
  int64_t Width() const override { return scheduler_.threads(); }

 private:
  Scheduler& scheduler_;
};

// What a task's inputs must be, in so many words; OK if they are.
absl::Status CheckAsPlanned(const ComputeTask& task) {
  const std::vector<TensorSpec>& expected = task.plan->inputs;
  if (task.inputs.size() != expected.size()) {
    return InvalidField("inputs", absl::StrCat("expected ", expected.size(), " as planned, got ", task.inputs.size()));
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    const TensorSpec& spec = task.inputs[i].spec();
    if (&spec == &expected[i] || spec == expected[i]) continue;
    return InvalidField(absl::StrCat("inputs[", expected[i].name, "]"), "expected name, dtype and shape as planned");
  }
  return absl::OkStatus();
}

// What became of a task that gave up because its answer is no longer wanted.
absl::Status GivenUp(const BatchTask& task, absl::Time started, absl::Time now) {
  const bool expired = now >= task.deadline();
  return absl::Status(expired ? absl::StatusCode::kDeadlineExceeded : absl::StatusCode::kCancelled,
                      absl::StrCat(expired ? "deadline exceeded" : "cancelled", " during the computation after ",
                                   absl::FormatDuration(started - task.enqueued()), " in the queue"));
}

class ScheduledBackend final : public LossBackend {
 public:
  ScheduledBackend(const BackendOptions& options, LossSet losses, DeviceDescription device,
                   std::unique_ptr<DeviceLane> lane)
      : options_(options),
        clock_(options.scheduler.clock != nullptr ? *options.scheduler.clock : RealClock()),
        registry_(std::move(losses)),
        precision_(options.gemm_precision),
        lane_(std::move(lane)),
        pool_(options.pool != nullptr
                  ? options.pool
                  : std::make_shared<BufferPool>(options.max_idle_buffer_bytes,
                                                 lane_ == nullptr ? nullptr : lane_->device().host_memory())),
        device_(std::move(device)) {}

  absl::Status Start() {
    BatchSchedulerOptions options = options_.scheduler;
    if (lane_ != nullptr) {
      options.threads = lane_->slots();
      options.max_work_at_once = 0;  // A driver waits for the device; who calls Submit must not.
    }
    LOSSD_ASSIGN_OR_RETURN(
        scheduler_, Scheduler::Create(options, [this](BatchOf<QueuedTask> batch) { return Run(std::move(batch)); }));
    device_.threads = scheduler_->threads();
    return absl::OkStatus();
  }

  absl::StatusOr<std::shared_ptr<const Plan>> Prepare(ComputeSpec request) const override {
    const Loss& loss = registry_.For(request.loss);
    LOSSD_ASSIGN_OR_RETURN(std::shared_ptr<const Plan> plan,
                           MakePlan(std::move(request), loss, options_.max_request_flops, lane_ != nullptr));
    if (lane_ != nullptr) LOSSD_RETURN_IF_ERROR(lane_->Check(plan->bytes));
    return plan;
  }

  void Submit(ComputeTask task) override {
    absl::Status status = CheckAsPlanned(task);
    if (!status.ok()) return std::move(task.done)(std::move(status));
    auto queued = std::make_unique<QueuedTask>(std::move(task));
    status = scheduler_->Schedule(queued);
    if (!status.ok()) queued->Drop(std::move(status));
  }

  BufferPool& pool() override { return *pool_; }
  std::vector<LossDescription> Losses() const override { return registry_.Describe(); }
  std::vector<DeviceDescription> Devices() const override { return {device_}; }
  QueueDepth queue_depth() const override { return {scheduler_->queue_requests(), scheduler_->queue_bytes()}; }

  std::vector<DeviceState> DeviceStates() const override {
    if (lane_ == nullptr) return {};
    return {{device_.name, lane_->health(), lane_->stats()}};
  }

  void SetDeviceListener(DeviceListener listener) override {
    if (lane_ == nullptr) return;
    lane_->SetLostListener(
        [name = device_.name, listener = std::move(listener)](const absl::Status& reason) { listener(name, reason); });
  }

  void StopGathering() override { scheduler_->StopGathering(); }
  void Drain() override { scheduler_->Drain(); }

 private:
  // Computes and answers a batch, on a worker. Whether it has computed every task of it.
  bool Run(BatchOf<QueuedTask> batch) {
    const absl::Time started = clock_.TimeNow();
    absl::InlinedVector<const ComputeTask*, 4> tasks;
    for (size_t i = 0; i < batch.size(); ++i) tasks.push_back(&batch[i].task());
    WorkerParallel parallel(*scheduler_);
    BatchResults results =
        RunBatch(registry_.For(tasks.front()->plan->request.loss), tasks, {parallel, *pool_, lane_.get(), precision_});
    const absl::Duration compute = clock_.TimeNow() - started;
    const int requests = static_cast<int>(batch.size());
    const bool all = std::all_of(results.begin(), results.end(), [](const auto& result) { return result.ok(); });
    if (options_.observer != nullptr) options_.observer->OnBatch(requests);
    for (size_t i = 0; i < batch.size(); ++i) {
      if (results[i].ok()) {
        results[i]->queue = started - batch[i].enqueued();
        results[i]->compute = compute;
        results[i]->batch_requests = requests;
      } else if (absl::IsCancelled(results[i].status())) {
        results[i] = GivenUp(batch[i], started, clock_.TimeNow());
      }
      batch[i].Answer(std::move(results[i]));
      batch.Reset(i);  // Its buffers serve the next request.
    }
    return all;
  }

  const BackendOptions options_;
  Clock& clock_;
  const LossRegistry registry_;
  const GemmPrecision precision_;
  const std::unique_ptr<DeviceLane> lane_;  // Null where losses compute in the host's memory.
  const std::shared_ptr<BufferPool> pool_;
  DeviceDescription device_;              // Constant once started.
  std::unique_ptr<Scheduler> scheduler_;  // Last: its threads use all of the above.
};

}  // namespace

absl::StatusOr<std::unique_ptr<LossBackend>> CreateScheduledBackend(const BackendOptions& options, LossSet losses,
                                                                    DeviceDescription device,
                                                                    std::unique_ptr<DeviceLane> lane) {
  auto backend = std::make_unique<ScheduledBackend>(options, std::move(losses), std::move(device), std::move(lane));
  LOSSD_RETURN_IF_ERROR(backend->Start());
  return std::unique_ptr<LossBackend>(std::move(backend));
}

}  // namespace lossd
