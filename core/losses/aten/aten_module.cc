// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/aten_module.h"

#include "core/losses/aten/aten_losses.h"

extern "C" __attribute__((visibility("default"))) lossd::AtenModuleFunction LossdMakeAtenLosses;

void LossdMakeAtenLosses(const char* device, int64_t parameter_cache_bytes, absl::StatusOr<lossd::LossSet>* losses) {
  *losses = lossd::MakeAtenLosses(device, parameter_cache_bytes);
}
