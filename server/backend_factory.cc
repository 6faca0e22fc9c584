// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/backend_factory.h"

#include "absl/strings/str_cat.h"
#include "core/tile_backend.h"
#include "server/cpu_quota.h"

namespace lossd {

absl::StatusOr<std::unique_ptr<LossBackend>> MakeBackend(const ServerOptions& options, BackendObserver* observer) {
  if (options.device != "auto" && options.device != "cpu") {
    return absl::NotFoundError(
        absl::StrCat("--device: expected a device that this build supports (cpu), got ", options.device));
  }
  TileBackendOptions tile;
  tile.scheduler.threads = options.threads > 0 ? options.threads : UsableProcessors();
  tile.scheduler.queue.max_queue_delay = options.max_queue_delay;
  tile.scheduler.queue.max_batch_requests = options.max_batch_requests;
  // Admission refuses first: what is accepted finds room in the queue.
  tile.scheduler.queue.max_queue_requests = options.max_concurrent_calls;
  tile.scheduler.queue.max_queue_bytes = options.max_inflight_bytes;
  tile.max_request_flops = options.max_request_flops;
  tile.parameter_cache_bytes = options.parameter_cache_bytes;
  tile.observer = observer;
  return CreateTileBackend(tile);
}

}  // namespace lossd
