// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A card as a device.

#ifndef LOSSD_CORE_ENGINE_CUDA_CUDA_DEVICE_H_
#define LOSSD_CORE_ENGINE_CUDA_CUDA_DEVICE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "core/engine/device/device.h"

namespace lossd {

// Card `index`, which FindCard has found. Its compute stream is one of LibTorch's. UNAVAILABLE where the card does not
// make streams.
absl::StatusOr<std::unique_ptr<Device>> MakeCudaDevice(int index);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CUDA_CUDA_DEVICE_H_
