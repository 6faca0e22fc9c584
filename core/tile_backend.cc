// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/tile_backend.h"

#include "core/losses/registry.h"
#include "core/processor_model.h"

namespace lossd {

absl::StatusOr<std::unique_ptr<LossBackend>> CreateTileBackend(const TileBackendOptions& options) {
  return CreateScheduledBackend(options, MakeTileLosses(options.parameter_cache_bytes),
                                {.name = "cpu", .description = ProcessorModel()});
}

}  // namespace lossd
