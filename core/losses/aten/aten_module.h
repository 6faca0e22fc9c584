// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The door of the module liblossd_aten.so. Includes no header of LibTorch.

#ifndef LOSSD_CORE_LOSSES_ATEN_ATEN_MODULE_H_
#define LOSSD_CORE_LOSSES_ATEN_ATEN_MODULE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/losses/registry.h"

namespace lossd {

// The module's file and the name of its function.
inline constexpr char kAtenModuleFile[] = "liblossd_aten.so";
inline constexpr char kAtenModuleFunction[] = "LossdMakeAtenLosses";

// Sets `losses` to what MakeAtenLosses (aten_losses.h) returns for `device` and `parameter_cache_bytes`. The module
// must stay loaded as long as the losses live, and must come from the same build as its caller.
using AtenModuleFunction = void(const char* device, int64_t parameter_cache_bytes, absl::StatusOr<LossSet>* losses);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_ATEN_ATEN_MODULE_H_
