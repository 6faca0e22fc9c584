// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/status_pages.h"

#include "absl/time/time.h"
#include "core/process/build_info.h"
#include "nlohmann/json.hpp"

namespace lossd {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kJsonType[] = "application/json";

void AddLimits(const ServerOptions& options, Json& json) {
  json["max_message_bytes"] = options.max_message_bytes;
  json["max_inflight_bytes"] = options.max_inflight_bytes;
  json["transport_memory_bytes"] = TransportMemoryBytes(options);
  json["max_concurrent_calls"] = options.max_concurrent_calls;
  json["max_request_flops"] = options.max_request_flops;
  json["parameter_cache_bytes"] = options.parameter_cache_bytes;
  json["max_batch_requests"] = options.max_batch_requests;
  json["max_concurrent_streams"] = options.max_concurrent_streams;
}

void AddTimes(const ServerOptions& options, Json& json) {
  json["max_queue_delay"] = absl::FormatDuration(options.max_queue_delay);
  json["default_deadline"] = absl::FormatDuration(options.default_deadline);
  json["drain_delay"] = absl::FormatDuration(options.drain_delay);
  json["shutdown_timeout"] = absl::FormatDuration(options.shutdown_timeout);
  json["transfer_timeout"] = absl::FormatDuration(options.transfer_timeout);
  json["max_connection_age"] = absl::FormatDuration(options.max_connection_age);
  json["max_connection_age_grace"] = absl::FormatDuration(options.max_connection_age_grace);
  json["max_connection_idle"] = absl::FormatDuration(options.max_connection_idle);
  json["keepalive_time"] = absl::FormatDuration(options.keepalive_time);
  json["keepalive_timeout"] = absl::FormatDuration(options.keepalive_timeout);
}

std::string VersionJson() {
  Json json;
  json["version"] = kBuildVersion;
  json["revision"] = kBuildRevision;
  return json.dump() + "\n";
}

}  // namespace

std::string ConfigText(const ServerOptions& options) {
  Json json;
  json["listen"] = options.listen;
  json["admin_listen"] = options.admin_listen;
  json["http_listen"] = options.http_listen;
  json["port_file"] = options.port_file;
  json["tls_cert_file"] = options.tls_cert_file;
  json["tls_key_file"] = options.tls_key_file;
  json["tls_client_ca_file"] = options.tls_client_ca_file;
  json["auth_token_file"] = options.auth_token_file;
  json["device"] = options.device;
  json["compute_precision"] = options.compute_precision;
  json["threads"] = options.threads;
  AddLimits(options, json);
  AddTimes(options, json);
  json["log_level"] = options.log_level;
  json["log_format"] = options.log_format;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

HttpServer::Pages StatusPages(const Metrics& metrics, const HealthStates& health, const ServerOptions& options) {
  return [&metrics, &health, config = ConfigText(options)](absl::string_view path) -> HttpPage {
    if (path == "/metrics") return {200, "text/plain; version=0.0.4; charset=utf-8", metrics.Text()};
    if (path == "/healthz") return {.body = "ok\n"};
    if (path == "/readyz")
      return health.ready() ? HttpPage{.body = "ready\n"} : HttpPage{.status = 503, .body = "not ready\n"};
    if (path == "/version") return {200, kJsonType, VersionJson()};
    if (path == "/configz") return {200, kJsonType, config};
    return {.status = 404, .body = "expected /metrics, /healthz, /readyz, /version or /configz\n"};
  };
}

}  // namespace lossd
