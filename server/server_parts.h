// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What the server for callers and the one for operators have in common.

#ifndef LOSSD_SERVER_SERVER_PARTS_H_
#define LOSSD_SERVER_SERVER_PARTS_H_

#include "core/loss_backend.h"
#include "core/scheduling/clock.h"
#include "server/connections/inflow.h"
#include "server/log/logger.h"
#include "server/metrics/metrics.h"
#include "server/ops/health_states.h"
#include "server/security/credential_files.h"
#include "server/settings/options.h"

namespace lossd {

// What the servers share. Nothing is owned; everything outlives them: LossServer owns options, credentials, health and
// inflow, and whoever started that the rest. A copy is as good as the original. All that is behind the references may
// be used by any thread, but for CredentialFiles::Reload, which one thread calls.
struct ServerParts {
  // Valid (ValidateOptions), and constant.
  const ServerOptions& options;
  // Read by whoever lets calls in or shows a certificate; replaced behind this while they do.
  const CredentialFiles& credentials;
  // Shared with nobody else: LossServer drains it at its end.
  LossBackend& backend;
  Metrics& metrics;
  // Says whether the process is ready; the servers tell of it, LossServer sets it.
  HealthStates& health;
  Logger& logger;
  // The wall clock, but for tests: deadlines of clients are compared with it.
  Clock& clock;
  // One for both servers: connections are told apart by their clients' addresses.
  Inflow& inflow;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_SERVER_PARTS_H_
