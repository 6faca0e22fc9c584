// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/aten_loss.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <string>

#include "core/losses/aten/device_pass.h"
#include "core/losses/aten/operation_counter.h"
#include "core/status/status_macros.h"

namespace lossd::aten {
namespace {

// Most bytes of workspace that the groups of one run take together, unless a single one takes more.
constexpr int64_t kRunBytes = int64_t{256} << 20;

// ATen's allocator for the host reports the lack of memory by a plain c10::Error.
bool IsOutOfMemory(const c10::Error& error) {
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
         std::strstr(error.what_without_backtrace(), "DefaultCPUAllocator") != nullptr;
}

void MarkCancelled(Groups groups) {
  for (LossTask* task : groups) {
    if (task->IsCancelled()) task->status = absl::CancelledError("cancelled during the computation");
  }
}

using RunGroupsFunction = absl::FunctionRef<void(Groups groups)>;

// How many groups like `task` run together.
size_t MostGroups(const LossTask& task, const DeviceLane* lane) {
  const int64_t workspace = std::max<int64_t>(task.plan->workspace_bytes, 1);
  if (lane == nullptr) return static_cast<size_t>(std::max<int64_t>(kRunBytes / workspace, 1));
  int64_t bytes = workspace;
  for (const Tensor& input : task.inputs) bytes += 2 * input.byte_size();  // With its gradient.
  return static_cast<size_t>(std::max<int64_t>(lane->memory_bytes() / lane->slots() / bytes, 1));
}

// The processor has no streams.
void RunOnStream(Groups groups, at::Device device, const Device& card, RunGroupsFunction run) {
  if (device.is_cpu()) return run(groups);
  const c10::Device indexed(device.type(), static_cast<c10::DeviceIndex>(std::max<int>(device.index(), 0)));
  const c10::StreamGuard stream(c10::Stream(c10::Stream::UNSAFE, indexed, card.compute_stream()));
  run(groups);
}

// Runs, and adds what that launches to the lane's operations. A batch whose requests want other gradients than those of
// the one that was counted is taken to launch as many.
void RunCounted(const std::string& key, DeviceLane& lane, absl::FunctionRef<void()> run) {
  if (const std::optional<int64_t> launches = lane.launch_counts().Known(key)) {
    lane.AddOperations(*launches);
    return run();
  }
  const OperationCounter counter;
  run();
  lane.launch_counts().Set(key, counter.launches());
  lane.AddOperations(counter.launches());
}

void RunOnLane(Groups groups, const Target& target, const RunContext& context, RunGroupsFunction run) {
  DevicePass pass(groups, target, context.pool);
  LaneBatch batch = pass.batch();
  batch.workspace_bytes = groups.front()->plan->workspace_bytes * static_cast<int64_t>(groups.size());
  const absl::Status status = context.lane->Run(batch, [&](const DeviceRegions& regions) {
    pass.SetRegions(regions);
    RunCounted(groups.front()->plan->batch_key, *context.lane,
               [&] { RunOnStream(groups, target.device, context.lane->device(), run); });
    return absl::OkStatus();
  });
  if (status.ok()) return pass.Finish();
  // One by one, what is too much together may fit.
  if (absl::IsResourceExhausted(status) && groups.size() > 1) throw std::bad_alloc();
  for (LossTask* task : groups) task->status = status;
}

void RunTogether(Groups groups, const Target& target, const RunContext& context, RunGroupsFunction run) {
  if (context.lane == nullptr) return run(groups);
  RunOnLane(groups, target, context, run);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LossPlan>> AtenLoss::Prepare(const ComputeSpec& request) const {
  LOSSD_ASSIGN_OR_RETURN(std::unique_ptr<LossPlan> plan, tile_loss_->Prepare(request));
  plan->workspace_bytes = WorkspaceBytes(request, *plan);
  plan->uses_squares_of_inputs = false;  // RunGroups looks at all elements itself.
  return plan;
}

void AtenLoss::Run(absl::Span<LossTask* const> batch, const RunContext& context) const {
  RunInGroups(batch, target_, context, [this](Groups groups) { RunGroups(groups); });
}

void RunInGroups(absl::Span<LossTask* const> batch, const Target& target, const RunContext& context,
                 RunGroupsFunction run) {
  at::init_num_threads();  // This thread's share of at::set_num_threads.
  const c10::InferenceMode no_autograd;
  const size_t most = MostGroups(*batch.front(), context.lane);
  try {
    for (size_t first = 0; first < batch.size(); first += most) {
      const Groups groups = batch.subspan(first, most);
      if (!AllCancelled(groups)) RunTogether(groups, target, context, run);
      MarkCancelled(groups);
    }
  } catch (const c10::Error& error) {
    if (IsOutOfMemory(error)) throw std::bad_alloc();
    throw;
  }
}

int64_t InputBytes(const ComputeSpec& request) {
  int64_t bytes = 0;
  for (const TensorSpec& input : request.inputs) {
    bytes += ElementCount(input.shape) * static_cast<int64_t>(SizeOf(StorageDType(input.dtype)));
  }
  return bytes;
}

int64_t InputBytesIn(DType dtype, const ComputeSpec& request) {
  int64_t elements = 0;
  for (const TensorSpec& input : request.inputs) elements += ElementCount(input.shape);
  return elements * static_cast<int64_t>(SizeOf(dtype));
}

}  // namespace lossd::aten
