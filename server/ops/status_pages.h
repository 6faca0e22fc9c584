// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The pages of the HTTP port.

#ifndef LOSSD_SERVER_OPS_STATUS_PAGES_H_
#define LOSSD_SERVER_OPS_STATUS_PAGES_H_

#include <string>

#include "server/metrics/metrics.h"
#include "server/ops/health_states.h"
#include "server/ops/http_server.h"
#include "server/settings/options.h"

namespace lossd {

// /metrics for Prometheus; /healthz, 200 while the process lives; /readyz, 200 or 503; /version and /configz as JSON.
// `metrics` and `health` are not owned and outlive the result; of `options` it keeps what it shows. All but /metrics
// take no time. Thread-safe.
HttpServer::Pages StatusPages(const Metrics& metrics, const HealthStates& health, const ServerOptions& options);

// The settings in force as a JSON object, by the names of their flags: paths of files among them, and nothing of their
// content.
std::string ConfigText(const ServerOptions& options);

}  // namespace lossd

#endif  // LOSSD_SERVER_OPS_STATUS_PAGES_H_
