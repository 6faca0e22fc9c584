// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A whole server: the service, the admin server, the HTTP pages.

#ifndef LOSSD_SERVER_LOSS_SERVER_H_
#define LOSSD_SERVER_LOSS_SERVER_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "core/loss_backend.h"
#include "core/scheduling/clock.h"
#include "server/admin_server.h"
#include "server/connections/accept_guard.h"
#include "server/connections/inflow.h"
#include "server/log/log_limiter.h"
#include "server/log/logger.h"
#include "server/metrics/metrics.h"
#include "server/metrics/metrics_gauges.h"
#include "server/ops/http_server.h"
#include "server/process/periodic_thread.h"
#include "server/process/port_file.h"
#include "server/security/credential_files.h"
#include "server/serving_server.h"
#include "server/settings/options.h"

namespace lossd {

// Serves losses in this process. Several may run beside each other, on addresses, back ends and metrics of their
// own.
//
//   Metrics metrics;
//   auto backend = CreateTileBackend({.observer = &metrics});
//   auto credentials = CredentialFiles::Load(options);
//   auto server = LossServer::Start(options, *std::move(credentials), **backend, metrics, logger, RealClock());
//   ...
//   (*server)->Shutdown();
//
//    Start      listeners -> bounds, gauges, pages, watches -> ready -> port file
//    Shutdown   not ready -> drain delay -> new calls refused -> accepted ones answered, or cut off at the timeout
//               -> connections closed -> back end drained -> pages and operators' server gone
class LossServer {
 public:
  // Binds everything, starts serving, is ready, and writes --port_file. `options` are valid, and `credentials` loaded
  // from them. UNAVAILABLE, naming flag and address, if something cannot be bound; FAILED_PRECONDITION if the port file
  // cannot be written. Nothing is left of the server then. None of the other arguments is owned; they outlive the
  // server. Sets the devices of `metrics` and the device listener of `backend`.
  static absl::StatusOr<std::unique_ptr<LossServer>> Start(const ServerOptions& options,
                                                           std::unique_ptr<CredentialFiles> credentials,
                                                           LossBackend& backend, Metrics& metrics, Logger& logger,
                                                           Clock& clock);

  // Shuts down without delay, cutting off calls, unless that was done.
  ~LossServer();

  // In use, with the ports that were picked.
  const ServerAddresses& addresses() const { return addresses_; }

  // Looks at the files of --tls_* and --auth_token_file now instead of within a second, on the thread that always does.
  // Nothing where there are none. Thread-safe.
  void ReloadCredentials();

  // In this order: health says NOT_SERVING; serves on for --drain_delay; refuses new calls with UNAVAILABLE while
  // accepted ones finish; closes the connections, stops, and drains the backend. Within --shutdown_timeout after the
  // delay; false if calls had to be cut off to keep to it. Blocks until then. Call once.
  bool Shutdown();

 private:
  LossServer(const ServerOptions& options, std::unique_ptr<CredentialFiles> credentials, LossBackend& backend,
             Metrics& metrics, Logger& logger, Clock& clock);
  // Starts the servers for callers, for operators and of pages, in this order, and what watches beside them. What
  // clients do from the first one on is served, though nothing is ready yet.
  absl::Status Listen();
  void AddGauges();
  void WatchDevices();
  void AddConnectionGauges(std::vector<ScrapedValue>& values);
  void BoundConnections();
  void OnConnectionRefused(absl::string_view address_flag);
  void WatchCredentials();
  bool Stop(absl::Time deadline);
  void WaitForDrainDelay();

  const ServerOptions options_;
  const std::unique_ptr<CredentialFiles> credentials_;
  LossBackend& backend_;
  Metrics& metrics_;
  Logger& logger_;
  Clock& clock_;
  const std::shared_ptr<HealthStates> health_ = std::make_shared<HealthStates>();  // Devices may be lost later still.
  Inflow inflow_;
  absl::Mutex drain_mu_;  // What the drain delay is waited on; a clock may look at it until this is destroyed.
  ServerAddresses addresses_;
  LogLimiter refusals_{/*burst=*/1, absl::Minutes(1)};
  std::unique_ptr<BoundedListener> bounded_serving_;
  std::unique_ptr<BoundedListener> bounded_admin_;
  std::unique_ptr<ServingServer> serving_;
  std::shared_ptr<ScrapedValues> gauges_;
  std::unique_ptr<AdminServer> admin_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<PeriodicThread> credential_watch_;  // Null where there are no files to watch.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_LOSS_SERVER_H_
