// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The losses as grouped tensor operations on a device of LibTorch.

#ifndef LOSSD_CORE_LOSSES_ATEN_ATEN_LOSSES_H_
#define LOSSD_CORE_LOSSES_ATEN_ATEN_LOSSES_H_

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/losses/loss.h"
#include "core/losses/registry.h"

namespace lossd {

// All losses on `device`: "aten-cpu", "cuda" or "cuda:N". Lets ATen use one thread a computation, in the whole process.
// `parameter_cache_bytes` bounds what CPC keeps of seed-initialised parameters. NOT_FOUND with the reason where
// LibTorch has no such device.
absl::StatusOr<LossSet> MakeAtenLosses(absl::string_view device, int64_t parameter_cache_bytes);

// Factories of the losses that are no operator's.
std::unique_ptr<Loss> MakeAtenFeatureMapContrastive(at::Device device);
std::unique_ptr<Loss> MakeAtenCpc(at::Device device, int64_t parameter_cache_bytes);
std::unique_ptr<Loss> MakeAtenSquaredNorm(at::Device device);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_ATEN_ATEN_LOSSES_H_
