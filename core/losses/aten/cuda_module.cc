// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The door of liblossd_cuda.so: the losses on one card.

#include <ATen/Context.h>

#include <algorithm>
#include <string>
#include <utility>

#include "core/engine/cuda/cuda_cards.h"
#include "core/engine/cuda/cuda_device.h"
#include "core/losses/aten/aten_losses.h"
#include "core/losses/aten/aten_module.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

constexpr int kDrivers = 2;  // Batches on their way at a time.

absl::StatusOr<std::unique_ptr<DeviceLane>> MakeLane(int card, const AtenModuleOptions& options) {
  LOSSD_ASSIGN_OR_RETURN(std::unique_ptr<Device> device, MakeCudaDevice(card));
  const int64_t share = std::max<int64_t>(device->free_bytes() / 5 * 4, 1);
  const int64_t bytes = options.device_memory_bytes > 0 ? options.device_memory_bytes : share;
  return DeviceLane::Create(std::move(device), {.slots = kDrivers, .memory_bytes = bytes, .ranges = options.nvtx});
}

absl::StatusOr<DeviceLosses> MakeCardLosses(const char* name, const AtenModuleOptions& options) {
  const int card = CardIndex(name);
  LOSSD_ASSIGN_OR_RETURN(const std::string model, FindCard(card));
  // Products in float32 are that, and not of operands rounded to TF32.
  at::globalContext().setAllowTF32CuBLAS(false);
  DeviceLosses made;
  LOSSD_ASSIGN_OR_RETURN(made.losses, MakeAtenLosses(name, options.parameter_cache_bytes));
  LOSSD_ASSIGN_OR_RETURN(made.lane, MakeLane(card, options));
  made.description = model + ", through LibTorch with CUDA";
  return made;
}

}  // namespace
}  // namespace lossd

extern "C" __attribute__((visibility("default"))) lossd::AtenModuleFunction LossdMakeAtenLosses;

void LossdMakeAtenLosses(const char* device, const lossd::AtenModuleOptions& options,
                         absl::StatusOr<lossd::DeviceLosses>* losses) {
  *losses = lossd::MakeCardLosses(device, options);
}
