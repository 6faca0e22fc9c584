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
#include <vector>

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

// A card that was found.
struct Card {
  std::string name;
  std::string model;
};

absl::StatusOr<DeviceLosses> MakeCardLosses(const Card& card, std::unique_ptr<DeviceLane> lane,
                                            const AtenModuleOptions& options) {
  DeviceLosses made;
  made.lane = std::move(lane);
  AtenLossesOptions losses{.parameter_cache_bytes = options.parameter_cache_bytes};
  losses.precision = options.precision;
  losses.sweeps = std::make_shared<CudaSweeps>(&CurrentStream);
  losses.block_scores =
      std::clamp(made.lane->memory_bytes() / kBudgetShare, kLeastBlockBytes, kMostBlockBytes) / int64_t{sizeof(float)};
  LOSSD_ASSIGN_OR_RETURN(made.losses, MakeAtenLosses(card.name, losses));
  // No such device as one would compute on: exit code 4, as where it is missing.
  const absl::Status warm = aten::WarmUp(made.losses, *made.lane);
  if (!warm.ok()) return absl::NotFoundError(absl::StrCat(card.name, " (", card.model, "): ", warm.message()));
  made.description = card.model + ", through LibTorch with CUDA" + Remark(options.precision) + kBits;
  return made;
}

absl::StatusOr<std::vector<DeviceLosses>> MakeCardsLosses(const std::vector<std::string>& names,
                                                          const AtenModuleOptions& options) {
  std::vector<Card> cards;
  for (const std::string& name : names) {
    LOSSD_ASSIGN_OR_RETURN(std::string model, FindCard(CardIndex(name)));
    cards.push_back({name, std::move(model)});
  }
  if (options.precision == GemmPrecision::kBf16 && !aten::HasNarrowProducts()) {
    return absl::NotFoundError("no LibTorch that sums products of bf16 in float32: expected 2.8 or later");
  }
  // Products in float32 are that, and not of operands rounded to TF32, unless that was asked for. One of LibTorch's
  // settings: that of the process, whose cards all have the same.
  at::globalContext().setAllowTF32CuBLAS(options.precision == GemmPrecision::kTf32);
  std::vector<std::unique_ptr<Device>> devices;
  for (const Card& card : cards) {
    LOSSD_ASSIGN_OR_RETURN(devices.emplace_back(), MakeCudaDevice(CardIndex(card.name)));
  }
  LOSSD_ASSIGN_OR_RETURN(
      std::vector<std::unique_ptr<DeviceLane>> lanes,
      CreateLanes(std::move(devices),
                  {.slots = kDrivers, .memory_bytes = options.device_memory_bytes, .ranges = options.nvtx}));
  std::vector<DeviceLosses> made;
  for (size_t i = 0; i < cards.size(); ++i) {
    LOSSD_ASSIGN_OR_RETURN(made.emplace_back(), MakeCardLosses(cards[i], std::move(lanes[i]), options));
  }
  return made;
}

}  // namespace
}  // namespace lossd

extern "C" __attribute__((visibility("default"))) lossd::AtenModuleFunction LossdMakeAtenLosses;

void LossdMakeAtenLosses(const std::vector<std::string>& devices, const lossd::AtenModuleOptions& options,
                         absl::StatusOr<std::vector<lossd::DeviceLosses>>* losses) {
  *losses = lossd::MakeCardsLosses(devices, options);
}
