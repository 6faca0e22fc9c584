// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A loss that computes with ATen what another loss has planned.

#ifndef LOSSD_CORE_LOSSES_ATEN_ATEN_LOSS_H_
#define LOSSD_CORE_LOSSES_ATEN_ATEN_LOSS_H_

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "core/losses/aten/group_tensors.h"
#include "core/losses/aten/target.h"
#include "core/losses/loss.h"

namespace lossd::aten {

// Describes and plans as the loss that computes in tiles does, and runs as grouped tensor operations on a device. The
// operations of a batch follow each other on the calling thread. Thread-safe.
//
// Bits: what is computed for a group depends on its own values and shapes only, never on the other groups. Sums and
// products are cut by the groups' shape, and products of stacked groups are those of each group.
class AtenLoss : public Loss {
 public:
  // `tile_loss` plans; it is never run.
  AtenLoss(std::unique_ptr<Loss> tile_loss, Target where)
      : tile_loss_(std::move(tile_loss)), target_(std::move(where)) {}

  LossDescription Describe() const final { return tile_loss_->Describe(); }
  absl::StatusOr<std::unique_ptr<LossPlan>> Prepare(const ComputeSpec& request) const final;
  // Throws std::bad_alloc where the device has no memory, std::exception on any other failure of ATen.
  void Run(absl::Span<LossTask* const> batch, const RunContext& context) const final;

 protected:
  const Target& target() const { return target_; }
  at::Device device() const { return target_.device; }

  // Bytes that RunGroups takes for one group of `plan`.
  virtual int64_t WorkspaceBytes(const ComputeSpec& request, const LossPlan& plan) const = 0;
  // Computes the groups' outputs, wanted gradients and objectives. Within a DevicePass, all of them on the device,
  // without waiting for it. What it leaves of groups that were cancelled does not matter; it may stop where all were.
  virtual void RunGroups(Groups groups) const = 0;

 private:
  const std::unique_ptr<Loss> tile_loss_;
  const Target target_;
};

// Calls `run` with the batch cut into groups that fit the memory, on the target's device, and marks what was cancelled.
// Where the context has a lane, each call is within a DevicePass, whose regions the lane moves, and on the lane's
// compute stream. Throws as AtenLoss::Run.
void RunInGroups(absl::Span<LossTask* const> batch, const Target& target, const RunContext& context,
                 absl::FunctionRef<void(Groups groups)> run);

// Bytes of all inputs of `request` in storage dtype, and if each were in `dtype`.
int64_t InputBytes(const ComputeSpec& request);
int64_t InputBytesIn(DType dtype, const ComputeSpec& request);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_ATEN_LOSS_H_
