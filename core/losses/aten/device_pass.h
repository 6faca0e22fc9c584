// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A batch on a device with memory of its own: where its tensors lie there, and what comes back.

#ifndef LOSSD_CORE_LOSSES_ATEN_DEVICE_PASS_H_
#define LOSSD_CORE_LOSSES_ATEN_DEVICE_PASS_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/types/span.h"
#include "core/engine/device/device_lane.h"
#include "core/losses/aten/target.h"
#include "core/losses/loss.h"
#include "core/tensor/buffer_pool.h"

namespace lossd::aten {

using Groups = absl::Span<LossTask* const>;

// One region up a request, with its inputs as they lie side by side on the host; one region down, with its gradients
// and then its notes: numbers that the host wants. While a pass lives, group_tensors.h of the thread that made it works
// on these regions. Not thread-safe.
class DevicePass {
 public:
  using HostCallback = std::function<void(const at::Tensor& host)>;

  // `groups` are what one run computes together; `staging` is memory that the device copies from by itself.
  DevicePass(Groups groups, const Target& target, BufferPool& staging);
  DevicePass(const DevicePass&) = delete;
  DevicePass& operator=(const DevicePass&) = delete;
  ~DevicePass();

  // That of the calling thread; null if tensors lie where the host computes.
  static DevicePass* Current();

  // What a lane is to move.
  const LaneBatch& batch() const { return batch_; }
  // Where it has moved it. To be called before what follows.
  void SetRegions(const DeviceRegions& regions) { regions_ = regions; }

  // Input `input` of some of the pass's groups, on the device: [G, ...], 16-bit floats widened. Else a
  // view where they are all of them.
  at::Tensor Input(Groups groups, size_t input) const;
  // Likewise, 16-bit floats as they were sent.
  at::Tensor InputAsSent(Groups groups, size_t input) const;
  // Appends a copy of gradient[g] to where gradient `index` of groups[g] comes down from, for those that want it,
  // rounded to nearest, ties to even, where that is of 16 bits; and sets what the tasks ask to have seen of it
  // (LossTask::swept), by way of `squares` if that is defined: parts of the sum of squares of what it is there, [G,
  // ...], float64.
  void WriteGradient(Groups groups, size_t index, const at::Tensor& gradient, const at::Tensor& squares);
  // Zeros instead.
  void WriteZeroGradient(Groups groups, size_t index) const;
  // Appends what brings [G, ...] down as notes of `groups`. Calls back with it from Finish.
  void BringDown(Groups groups, const at::Tensor& values, HostCallback callback);
  // A copy of a tensor of the host's on the device, made without waiting.
  at::Tensor SendUp(const at::Tensor& host);

  // Calls back, in the order of BringDown. To be called once all of it has come down.
  void Finish();

 private:
  // A tensor's place in each request's region.
  struct Place {
    int64_t offset = 0;
    TensorSpec spec;
    bool used = false;
  };
  struct Brought {
    std::vector<size_t> positions;  // Of the groups.
    int64_t offset;                 // Within the notes.
    at::Tensor host;                // [G, ...], to be filled.
    HostCallback callback;
  };

  void PlanUp();
  void PlanDown();
  void Round(Groups groups, size_t index, const at::Tensor& gradient, const at::Tensor& to);
  void SweepGradient(Groups groups, size_t index, const at::Tensor& gradient, const at::Tensor& squares);
  size_t PositionOf(const LossTask* task) const;
  bool IsWhole(Groups groups) const;
  // The tensor at `place` of all groups, in regions of `stride` bytes that begin at `first`.
  at::Tensor AllOf(const Place& place, std::byte* first, int64_t stride) const;

  const Groups groups_;
  const Target& target_;  // Outlives the pass.
  const at::Device device_;
  BufferPool& staging_;  // Not owned.
  LaneBatch batch_;
  DeviceRegions regions_;
  std::vector<Place> inputs_;
  std::vector<Place> gradients_;
  int64_t notes_offset_ = 0;
  int64_t notes_bytes_ = 0;
  int64_t notes_used_ = 0;
  std::vector<std::byte*> notes_;  // On the host, of each group.
  std::vector<Buffer> kept_;       // What is copied from, and notes of requests that bring no room for them.
  std::vector<Brought> brought_;
  DevicePass* const outer_;
};

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_DEVICE_PASS_H_
