// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The CPU back end: the losses that compute in tiles, on the scheduler's threads.

#ifndef LOSSD_CORE_TILE_BACKEND_H_
#define LOSSD_CORE_TILE_BACKEND_H_

#include <memory>

#include "absl/status/statusor.h"
#include "core/loss_backend.h"
#include "core/scheduled_backend.h"

namespace lossd {

using TileBackendOptions = BackendOptions;

// The back end on the processor; its threads, those of the scheduler, are started. A gemm_precision of kBf16 is for
// processors on which its products are faster than float32's, and taken for float32 elsewhere. INVALID_ARGUMENT naming
// the option that is out of range.
absl::StatusOr<std::unique_ptr<LossBackend>> CreateTileBackend(const TileBackendOptions& options);

}  // namespace lossd

#endif  // LOSSD_CORE_TILE_BACKEND_H_
