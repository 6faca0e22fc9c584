// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/loss_server.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_join.h"
#include "core/status/status_macros.h"
#include "server/metrics/device_gauges.h"
#include "server/ops/status_pages.h"
#include "server/process/descriptor_budget.h"
#include "server/settings/listen_address.h"

namespace lossd {

LossServer::LossServer(const ServerOptions& options, std::unique_ptr<CredentialFiles> credentials, LossBackend& backend,
                       Metrics& metrics, Logger& logger, Clock& clock)
    : options_(options),
      credentials_(std::move(credentials)),
      backend_(backend),
      metrics_(metrics),
      logger_(logger),
      clock_(clock),
      inflow_(logger, clock) {}

absl::StatusOr<std::unique_ptr<LossServer>> LossServer::Start(const ServerOptions& options,
                                                              std::unique_ptr<CredentialFiles> credentials,
                                                              LossBackend& backend, Metrics& metrics, Logger& logger,
                                                              Clock& clock) {
  std::unique_ptr<LossServer> server(new LossServer(options, std::move(credentials), backend, metrics, logger, clock));
  LOSSD_RETURN_IF_ERROR(server->Listen());
  server->health_->SetReady(true);
  if (!options.port_file.empty()) LOSSD_RETURN_IF_ERROR(WritePortFile(options.port_file, server->addresses_));
  return server;
}

absl::Status LossServer::Listen() {
  std::vector<std::string> devices;
  for (DeviceDescription& device : backend_.Devices()) devices.push_back(std::move(device.name));
  metrics_.SetDevices(devices);
  const ServerParts parts{options_, *credentials_, backend_, metrics_, *health_, logger_, clock_, inflow_};
  LOSSD_ASSIGN_OR_RETURN(serving_, ServingServer::Start(parts));
  addresses_.listen = serving_->addresses();
  if (!options_.admin_listen.empty()) {
    LOSSD_ASSIGN_OR_RETURN(admin_, AdminServer::Start(parts));
    addresses_.admin_listen = admin_->addresses();
  }
  BoundConnections();
  AddGauges();
  WatchDevices();
  const auto http_connections = static_cast<unsigned int>(BudgetOf(DescriptorLimit()).http);
  LOSSD_ASSIGN_OR_RETURN(http_, HttpServer::Start(options_.http_listen, StatusPages(metrics_, *health_, options_),
                                                  HttpLimitsWithin(http_connections, options_.http_listen.size())));
  addresses_.http_listen = http_->addresses();
  WatchCredentials();
  return absl::OkStatus();
}

void LossServer::WatchCredentials() {
  const bool tls = credentials_->tls() != nullptr;
  const bool tokens = credentials_->tokens() != nullptr;
  if (tokens && !tls && !absl::c_all_of(options_.listen, IsUnixAddress)) {
    logger_.Log(LogLevel::kWarning, "tokens travel in plain text: give --tls_cert_file and --tls_key_file",
                {{"listen", absl::StrJoin(addresses_.listen, ",")}});
  }
  if (!tls && !tokens) return;
  credential_watch_ = std::make_unique<PeriodicThread>("lossd-files", CredentialFiles::kPeriod,
                                                       [this] { credentials_->Reload(logger_); });
}

void LossServer::ReloadCredentials() {
  if (credential_watch_ != nullptr) credential_watch_->RunSoon();
}

// Connections that come in between a listener's start and this are not counted.
void LossServer::BoundConnections() {
  const DescriptorBudget budget = BudgetOf(DescriptorLimit());
  ConnectionBounds serving;
  if (options_.max_connections > 0) serving.connections = options_.max_connections;
  serving.below = budget.below;
  serving.calls = std::max(options_.max_concurrent_streams, OpeningPace::kCalls);
  serving.on_refused = [this] { OnConnectionRefused("--max_connections"); };
  bounded_serving_ = std::make_unique<BoundedListener>(addresses_.listen, std::move(serving));
  bounded_admin_ = std::make_unique<BoundedListener>(
      addresses_.admin_listen, ConnectionBounds{.connections = budget.admin,
                                                .calls = AdminServer::kCalls,
                                                .on_refused = [this] { OnConnectionRefused("--admin_listen"); }});
}

void LossServer::OnConnectionRefused(absl::string_view address_flag) {
  const auto held_back = refusals_.Admit(clock_.TimeNow());
  if (!held_back.has_value()) return;
  logger_.Log(LogLevel::kWarning, "connection refused: as many as there may be",
              {{"flag", std::string(address_flag)}, {"descriptors", DescriptorLimit()}, {"held_back", *held_back}});
}

void LossServer::AddConnectionGauges(std::vector<ScrapedValue>& values) {
  values.push_back({"lossd_connections", "Connections to --listen.", prometheus::MetricType::Gauge,
                    [this] { return static_cast<double>(bounded_serving_->connections()); }});
  values.push_back({"lossd_connections_refused_total",
                    "Connections to --listen and --admin_listen that were closed at once, as there were too many.",
                    prometheus::MetricType::Counter,
                    [this] { return static_cast<double>(bounded_serving_->refused() + bounded_admin_->refused()); }});
  if (credentials_->tls() == nullptr) return;
  values.push_back({"lossd_certificate_expiry_seconds",
                    "When the certificate of --tls_cert_file expires, in seconds since 1970.",
                    prometheus::MetricType::Gauge,
                    [this] { return absl::ToDoubleSeconds(credentials_->tls_expiry() - absl::UnixEpoch()); }});
}

void LossServer::AddGauges() {
  std::vector<ScrapedValue> values = ProcessValues();
  const auto add = [&values](const char* name, const char* help, std::function<double()> read) {
    values.push_back({name, help, prometheus::MetricType::Gauge, std::move(read)});
  };
  add("lossd_queue_requests", "Computations that wait for a worker.",
      [this] { return static_cast<double>(backend_.queue_depth().requests); });
  add("lossd_queue_bytes", "Bytes of the computations that wait for a worker.",
      [this] { return static_cast<double>(backend_.queue_depth().bytes); });
  add("lossd_inflight_bytes", "Bytes that accepted calls have reserved.",
      [this] { return static_cast<double>(serving_->admission().inflight_bytes()); });
  for (ScrapedValue& value : DeviceValues(backend_)) values.push_back(std::move(value));
  AddConnectionGauges(values);
  gauges_ = std::make_shared<ScrapedValues>(std::move(values));
  metrics_.Add(gauges_);
}

void LossServer::WatchDevices() {
  for (const DeviceState& device : backend_.DeviceStates()) health_->AddDevice(device.name);
  backend_.SetDeviceListener(
      [health = health_, logger = &logger_](const std::string& device, const absl::Status& reason) {
        logger->Log(LogLevel::kError, "device lost", {{"device", device}, {"reason", std::string(reason.message())}});
        health->LoseDevice(device);
      });
}

void LossServer::WaitForDrainDelay() {
  absl::MutexLock lock(&drain_mu_);
  bool never = false;
  clock_.AwaitWithDeadline(&drain_mu_, absl::Condition(&never), clock_.TimeNow() + options_.drain_delay);
}

bool LossServer::Shutdown() {
  health_->SetReady(false);
  WaitForDrainDelay();
  return Stop(clock_.TimeNow() + options_.shutdown_timeout);
}

bool LossServer::Stop(absl::Time deadline) {
  backend_.StopGathering();  // Accepted calls are waited for, and must not wait for others that will not come.
  const bool answered = serving_->Shutdown(deadline);
  backend_.Drain();
  http_.reset();
  inflow_.Stop();  // It may have the last of a call, whose end needs what goes next.
  admin_.reset();
  gauges_.reset();
  serving_.reset();
  return answered;
}

LossServer::~LossServer() {
  health_->SetReady(false);
  http_.reset();  // Its pages read what goes next.
  inflow_.Stop();
  backend_.SetDeviceListener([](const std::string&, const absl::Status&) {});
}

}  // namespace lossd
