// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/aten_loss.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstring>
#include <new>

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

}  // namespace

absl::StatusOr<std::unique_ptr<LossPlan>> AtenLoss::Prepare(const ComputeSpec& request) const {
  LOSSD_ASSIGN_OR_RETURN(std::unique_ptr<LossPlan> plan, tile_loss_->Prepare(request));
  plan->workspace_bytes = WorkspaceBytes(request, *plan);
  plan->uses_squares_of_inputs = false;  // RunGroups looks at all elements itself.
  return plan;
}

void AtenLoss::Run(absl::Span<LossTask* const> batch, const RunContext&) const {
  RunInGroups(batch, [this](Groups groups) { RunGroups(groups); });
}

void RunInGroups(absl::Span<LossTask* const> batch, absl::FunctionRef<void(Groups groups)> run) {
  at::init_num_threads();  // This thread's share of at::set_num_threads.
  const c10::InferenceMode no_autograd;
  const int64_t bytes = std::max<int64_t>(batch.front()->plan->workspace_bytes, 1);
  const auto most = static_cast<size_t>(std::max<int64_t>(kRunBytes / bytes, 1));
  try {
    for (size_t first = 0; first < batch.size(); first += most) {
      const Groups groups = batch.subspan(first, most);
      if (!AllCancelled(groups)) run(groups);
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

}  // namespace lossd::aten
