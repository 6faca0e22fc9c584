// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Makes the backend that --device asks for.

#ifndef LOSSD_SERVER_BACKEND_FACTORY_H_
#define LOSSD_SERVER_BACKEND_FACTORY_H_

#include <memory>

#include "absl/status/statusor.h"
#include "core/loss_backend.h"
#include "server/settings/options.h"

namespace lossd {

// The backend of valid `options`, on RealClock(): "cpu" computes in tiles, "aten-cpu", "cuda" and "cuda:N", which may
// be several, through LibTorch, "auto" on CUDA if there is any, else as "cpu", whose description says why then.
// NOT_FOUND in one line, naming --device and which of module, LibTorch, driver and card is missing, where there is no
// such device; INVALID_ARGUMENT as CreateAtenBackend. `observer` is not owned, outlives the backend, and may be null.
// Takes seconds where it loads LibTorch, which stays for the life of the process; starts the threads that compute.
absl::StatusOr<std::unique_ptr<LossBackend>> MakeBackend(const ServerOptions& options, BackendObserver* observer);

}  // namespace lossd

#endif  // LOSSD_SERVER_BACKEND_FACTORY_H_
