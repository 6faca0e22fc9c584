// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/backend_factory.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "core/aten_backend.h"
#include "core/tile_backend.h"
#include "server/process/cpu_quota.h"

namespace lossd {
namespace {

// Estimated operations that take some tens of microseconds: a completion-queue thread that runs them itself is back
// sooner than it would take to wake a worker.
constexpr double kMaxWorkAtOnce = 250e3;

BackendOptions MakeBackendOptions(const ServerOptions& options, BackendObserver* observer) {
  BackendOptions backend;
  backend.scheduler.threads = options.threads > 0 ? static_cast<int>(options.threads) : UsableProcessors();
  backend.scheduler.max_work_at_once = kMaxWorkAtOnce;
  backend.scheduler.queue.max_queue_delay = options.max_queue_delay;
  backend.scheduler.queue.max_batch_requests = options.max_batch_requests;
  // Admission refuses first: what is accepted finds room in the queue.
  backend.scheduler.queue.max_queue_requests = options.max_concurrent_calls;
  backend.scheduler.queue.max_queue_bytes = options.max_inflight_bytes;
  backend.max_request_flops = options.max_request_flops;
  backend.parameter_cache_bytes = options.parameter_cache_bytes;
  backend.device_memory_bytes = options.device_memory_bytes;
  backend.nvtx = options.nvtx != 0;
  if (options.compute_precision == "bf16") backend.gemm_precision = GemmPrecision::kBf16;
  if (options.compute_precision == "tf32") backend.gemm_precision = GemmPrecision::kTf32;
  backend.observer = observer;
  return backend;
}

// Why it is not worth the time and the memory to load LibTorch and ask it for CUDA; OK if it is.
absl::Status MayHaveCuda() {
  std::error_code error;
  for (const char* driver : {"/dev/nvidiactl", "/dev/dxg"}) {
    if (std::filesystem::exists(driver, error)) return absl::OkStatus();
  }
  return absl::NotFoundError("no driver: there is no /dev/nvidiactl");
}

absl::StatusOr<std::unique_ptr<LossBackend>> MakeAtenBackend(const ServerOptions& options, absl::string_view device,
                                                             const BackendOptions& backend) {
  return CreateAtenBackend(backend, device, {AtenModuleFolders(), options.libtorch});
}

// CUDA if it is there, else the processor, which says why.
absl::StatusOr<std::unique_ptr<LossBackend>> MakeAutoBackend(const ServerOptions& options, TileBackendOptions backend) {
  absl::Status status = MayHaveCuda();
  if (status.ok()) {
    absl::StatusOr<std::unique_ptr<LossBackend>> cuda = MakeAtenBackend(options, "cuda", backend);
    if (cuda.ok()) return cuda;
    status = cuda.status();
  }
  backend.remark = absl::StrCat("not on CUDA: ", status.message());
  return CreateTileBackend(backend);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LossBackend>> MakeBackend(const ServerOptions& options, BackendObserver* observer) {
  const BackendOptions backend = MakeBackendOptions(options, observer);
  if (options.device == "auto") return MakeAutoBackend(options, backend);
  if (options.device == "cpu") return CreateTileBackend(backend);
  absl::StatusOr<std::unique_ptr<LossBackend>> aten = MakeAtenBackend(options, options.device, backend);
  if (aten.status().code() != absl::StatusCode::kNotFound) return aten;
  return absl::NotFoundError(absl::StrCat("--device: expected a device that this build supports, got ", options.device,
                                          ": ", aten.status().message()));
}

}  // namespace lossd
