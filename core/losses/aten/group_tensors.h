// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A batch's tensors as ATen sees them: one tensor for all requests of the batch, the request (group) being its first
// dimension. Copies between host and device are made here and in device_pass.h, and nowhere else; where the device is
// the host, tensors lie over the requests' own buffers if that is possible. On a device with memory of its own, and a
// DevicePass, nothing here waits for it.

#ifndef LOSSD_CORE_LOSSES_ATEN_GROUP_TENSORS_H_
#define LOSSD_CORE_LOSSES_ATEN_GROUP_TENSORS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "core/losses/aten/device_pass.h"
#include "core/losses/loss.h"
#include "core/tensor/tensor.h"

namespace lossd::aten {

// The ATen type of `dtype`.
at::ScalarType ScalarTypeOf(DType dtype);

// A tensor over the memory of `tensor`. Does not own it.
at::Tensor OverMemory(const Tensor& tensor);

// Input `input` of all groups, on `device`: [G, ...]. May lie over the requests' memory: not to be written.
at::Tensor StackInput(Groups groups, size_t input, at::Device device);
// Likewise; within a pass 16-bit floats as they were sent.
at::Tensor StackInputAsSent(Groups groups, size_t input, at::Device device);

// One number of each group, in `type` on `device`: [G].
at::Tensor StackNumbers(Groups groups, absl::FunctionRef<double(const LossTask& task)> number, at::ScalarType type,
                        at::Device device);

// A tensor of the host's on `device`.
at::Tensor ToDevice(const at::Tensor& host, at::Device device);

// Calls back with [G, ...], numbers of `groups`, on the host: at once, or, within a pass, when the batch has come down.
// The callback outlives whoever made it by that time.
void WhenOnHost(Groups groups, const at::Tensor& values, DevicePass::HostCallback callback);

// Whether a group wants the gradient of input, or derived input, `index`.
bool AnyWants(Groups groups, size_t index);

// Writes [G, ...] to gradient `index` of those groups that want it. `gradient` has the elements of the task's gradient
// in their order; its extents may be split differently. `squares` are parts of the sum of their squares, [G, ...],
// float64; undefined where the caller has none.
void WriteGradient(Groups groups, size_t index, const at::Tensor& gradient, const at::Tensor& squares = {});

// Zeros the gradient `index` of those groups that want it.
void WriteZeroGradient(Groups groups, size_t index);

// Writes [G, ...], on the host, to output `index` of each group, rounded to its dtype.
void WriteOutput(Groups groups, size_t index, const at::Tensor& output);

// Whether no group wants its answer any longer.
bool AllCancelled(Groups groups);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_GROUP_TENSORS_H_
