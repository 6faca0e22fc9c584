// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/aten_module.h"

#include <utility>

#include "core/losses/aten/aten_losses.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

absl::StatusOr<std::vector<DeviceLosses>> MakeProcessorLosses(const std::vector<std::string>& devices,
                                                              const AtenModuleOptions& options) {
  const bool rounded = options.precision == GemmPrecision::kBf16;
  std::vector<DeviceLosses> made;
  for (const std::string& device : devices) {
    LOSSD_ASSIGN_OR_RETURN(LossSet losses,
                           MakeAtenLosses(device, {.parameter_cache_bytes = options.parameter_cache_bytes,
                                                   .precision = options.precision}));
    made.push_back({std::move(losses),
                    rounded ? "through LibTorch, matrix products of operands rounded to bf16" : "through LibTorch",
                    nullptr});
  }
  return made;
}

}  // namespace
}  // namespace lossd

extern "C" __attribute__((visibility("default"))) lossd::AtenModuleFunction LossdMakeAtenLosses;

void LossdMakeAtenLosses(const std::vector<std::string>& devices, const lossd::AtenModuleOptions& options,
                         absl::StatusOr<std::vector<lossd::DeviceLosses>>* losses) {
  *losses = lossd::MakeProcessorLosses(devices, options);
}
