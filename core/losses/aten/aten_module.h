// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The door of the modules liblossd_aten.so and liblossd_cuda.so. Includes no header of LibTorch.

#ifndef LOSSD_CORE_LOSSES_ATEN_ATEN_MODULE_H_
#define LOSSD_CORE_LOSSES_ATEN_ATEN_MODULE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/engine/device/device_lane.h"
#include "core/engine/gemm_precision.h"
#include "core/losses/registry.h"

namespace lossd {

// The modules' files, the latter with what computes on cards, and the name of the function of both.
inline constexpr char kAtenModuleFile[] = "liblossd_aten.so";
inline constexpr char kCudaModuleFile[] = "liblossd_cuda.so";
inline constexpr char kAtenModuleFunction[] = "LossdMakeAtenLosses";

struct AtenModuleOptions {
  int64_t parameter_cache_bytes = 0;                  // As for MakeAtenLosses (aten_losses.h).
  int64_t device_memory_bytes = 0;                    // As in BackendOptions.
  bool nvtx = false;                                  // As in BackendOptions.
  GemmPrecision precision = GemmPrecision::kFloat32;  // As in BackendOptions.
};

// The losses on one device, and what that device is, for people.
struct DeviceLosses {
  LossSet losses;
  std::string description;
  std::unique_ptr<DeviceLane> lane;  // The way there; null for the processor.
};

// Sets `losses` to those on each of the devices, which are "aten-cpu", or in the module for CUDA "cuda" or "cuda:N".
// Each is made once; several have memory of the same size (core/engine/device/device_lane.h). NOT_FOUND, in one line
// that says what is missing, where there is no such device. The module must stay loaded as long as the losses live, and
// must come from the same build as its caller.
using AtenModuleFunction = void(const std::vector<std::string>& devices, const AtenModuleOptions& options,
                                absl::StatusOr<std::vector<DeviceLosses>>* losses);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_ATEN_ATEN_MODULE_H_
