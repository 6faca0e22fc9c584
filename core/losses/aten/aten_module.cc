// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/aten_module.h"

#include <utility>

#include "core/losses/aten/aten_losses.h"

extern "C" __attribute__((visibility("default"))) lossd::AtenModuleFunction LossdMakeAtenLosses;

void LossdMakeAtenLosses(const char* device, const lossd::AtenModuleOptions& options,
                         absl::StatusOr<lossd::DeviceLosses>* losses) {
  absl::StatusOr<lossd::LossSet> made = lossd::MakeAtenLosses(
      device, {.parameter_cache_bytes = options.parameter_cache_bytes, .precision = options.precision});
  if (made.ok()) {
    *losses = lossd::DeviceLosses{*std::move(made),
                                  options.precision == lossd::GemmPrecision::kBf16
                                      ? "through LibTorch, matrix products of operands rounded to bf16"
                                      : "through LibTorch",
                                  nullptr};
  } else {
    *losses = made.status();
  }
}
