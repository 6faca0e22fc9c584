// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a server says of itself.

#ifndef LOSSD_SERVER_OPS_SERVER_INFO_H_
#define LOSSD_SERVER_OPS_SERVER_INFO_H_

#include <string>
#include <vector>

#include "core/loss_backend.h"
#include "lossd/v1/loss_service.pb.h"
#include "server/settings/options.h"

namespace lossd {

// The answer to GetServerInfo: build, devices, losses, limits. Of what `backend` says now; a server asks once, when it
// starts. Thread-safe.
v1::GetServerInfoResponse ServerInfo(const LossBackend& backend, const ServerOptions& options);

// Full names of the services of the serving port, as reflection lists them.
std::vector<std::string> ServiceNames();

}  // namespace lossd

#endif  // LOSSD_SERVER_OPS_SERVER_INFO_H_
