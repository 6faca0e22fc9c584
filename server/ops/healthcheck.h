// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Asks a running server whether it is ready.

#ifndef LOSSD_SERVER_OPS_HEALTHCHECK_H_
#define LOSSD_SERVER_OPS_HEALTHCHECK_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/settings/options.h"

namespace lossd {

// OK if the server that `options` describe answers "readiness" with SERVING within `timeout`: at the first unix
// address, or where there is none the first, of --port_file's admin_listen if that is set, else of --admin_listen
// (0.0.0.0 stands for this machine), and by way of no proxy, whatever http_proxy says. UNAVAILABLE with the reason
// otherwise. Blocks the calling thread until it knows, `timeout` at the longest, by the real clock; keeps nothing. Any
// thread may call it.
//
// With --tls_cert_file it speaks TLS, except on unix sockets. It believes whoever answers, since certificates seldom
// name 127.0.0.1 and nothing secret is said; to a server with --tls_client_ca_file it shows the server's own
// certificate.
absl::Status CheckRunningServer(const ServerOptions& options, absl::Duration timeout);

}  // namespace lossd

#endif  // LOSSD_SERVER_OPS_HEALTHCHECK_H_
