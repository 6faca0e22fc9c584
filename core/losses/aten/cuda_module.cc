// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The door of liblossd_cuda.so: the losses on one card.

#include <ATen/Context.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/engine/cuda/cuda_cards.h"
#include "core/engine/cuda/cuda_device.h"
#include "core/engine/cuda/cuda_sweeps.h"
#include "core/losses/aten/aten_losses.h"
#include "core/losses/aten/aten_module.h"
#include "core/losses/aten/products.h"
#include "core/losses/aten/warm_up.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

constexpr int kDrivers = 2;  // Batches on their way at a time.
// Bytes of a block of scores: a share of the device's budget, within what keeps a card busy and what is worth holding.
constexpr int64_t kBudgetShare = 256;
constexpr int64_t kLeastBlockBytes = int64_t{64} << 20;
constexpr int64_t kMostBlockBytes = int64_t{1} << 30;

// What of the others' promises does not hold on a card.
constexpr char kBits[] = "; the last bits of a result may depend on what else is in its batch";

const char* Remark(GemmPrecision precision) {
  switch (precision) {
    case GemmPrecision::kFloat32:
      return "";
    case GemmPrecision::kTf32:
      return ", matrix products in tf32";
    case GemmPrecision::kBf16:
      return ", matrix products in bf16";
  }
  return "";
}

cudaStream_t CurrentStream() { return c10::cuda::getCurrentCUDAStream().stream(); }

absl::StatusOr<std::unique_ptr<DeviceLane>> MakeLane(int card, const AtenModuleOptions& options) {
  LOSSD_ASSIGN_OR_RETURN(std::unique_ptr<Device> device, MakeCudaDevice(card));
  const int64_t share = std::max<int64_t>(device->free_bytes() / 5 * 4, 1);
  const int64_t bytes = options.device_memory_bytes > 0 ? options.device_memory_bytes : share;
  return DeviceLane::Create(std::move(device), {.slots = kDrivers, .memory_bytes = bytes, .ranges = options.nvtx});
}

absl::StatusOr<DeviceLosses> MakeCardLosses(const char* name, const AtenModuleOptions& options) {
  const int card = CardIndex(name);
  LOSSD_ASSIGN_OR_RETURN(const std::string model, FindCard(card));
  if (options.precision == GemmPrecision::kBf16 && !aten::HasNarrowProducts()) {
    return absl::NotFoundError("no LibTorch that sums products of bf16 in float32: expected 2.8 or later");
  }
  // Products in float32 are that, and not of operands rounded to TF32, unless that was asked for. One of LibTorch's
  // settings: that of the process, whose cards all have the same.
  at::globalContext().setAllowTF32CuBLAS(options.precision == GemmPrecision::kTf32);
  DeviceLosses made;
  LOSSD_ASSIGN_OR_RETURN(made.lane, MakeLane(card, options));
  AtenLossesOptions losses{.parameter_cache_bytes = options.parameter_cache_bytes};
  losses.precision = options.precision;
  losses.sweeps = std::make_shared<CudaSweeps>(&CurrentStream);
  losses.block_scores =
      std::clamp(made.lane->memory_bytes() / kBudgetShare, kLeastBlockBytes, kMostBlockBytes) / int64_t{sizeof(float)};
  LOSSD_ASSIGN_OR_RETURN(made.losses, MakeAtenLosses(name, losses));
  // No such device as one would compute on: exit code 4, as where it is missing.
  const absl::Status warm = aten::WarmUp(made.losses, *made.lane);
  if (!warm.ok()) return absl::NotFoundError(absl::StrCat(name, " (", model, "): ", warm.message()));
  made.description = model + ", through LibTorch with CUDA" + Remark(options.precision) + kBits;
  return made;
}

}  // namespace
}  // namespace lossd

extern "C" __attribute__((visibility("default"))) lossd::AtenModuleFunction LossdMakeAtenLosses;

void LossdMakeAtenLosses(const char* device, const lossd::AtenModuleOptions& options,
                         absl::StatusOr<lossd::DeviceLosses>* losses) {
  *losses = lossd::MakeCardLosses(device, options);
}
