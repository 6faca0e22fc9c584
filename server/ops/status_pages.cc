// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/status_pages.h"

#include <variant>

#include "core/process/build_info.h"
#include "nlohmann/json.hpp"
#include "server/settings/flag_table.h"

namespace lossd {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kJsonType[] = "application/json";

std::string VersionJson() {
  Json json;
  json["version"] = kBuildVersion;
  json["revision"] = kBuildRevision;
  return json.dump() + "\n";
}

}  // namespace

std::string ConfigText(const ServerOptions& options) {
  Json json;
  for (const FlagGroup& group : FlagGroups()) {
    for (const Flag& flag : group.flags) {
      if (IsSwitch(flag)) continue;
      std::visit([&](const auto& value) { json[flag.name] = value; }, ValueOf(flag, options));
    }
  }
  json["transport_memory_bytes"] = TransportMemoryBytes(options);
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
