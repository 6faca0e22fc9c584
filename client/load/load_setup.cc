// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_setup.h"

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cpp/client.h"
#include "client/load/load_request.h"
#include "client/load/load_run.h"
#include "client/load/server_stages.h"
#include "core/tensor/tensor_spec.h"

namespace lossd::load {
namespace {

using nlohmann::json;

// Names of flags that say where a server is, not what it does.
const std::set<std::string>& Addresses() {
  static const auto& names = *new std::set<std::string>{"listen", "admin_listen", "http_listen", "port_file"};
  return names;
}

// FNV-1a, 64 bits: equal requests have equal ones.
std::string FingerprintOf(const LoadRequest& request) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const grpc::Slice& slice : request.slices()) {
    for (const uint8_t byte : slice) hash = (hash ^ byte) * 0x100000001b3;
  }
  return absl::StrFormat("%016x", hash);
}

json RequestSetup(const LoadPlan& plan, const LoadRequest& request) {
  json inputs = json::array();
  for (const client::InputTensor& input : plan.request.inputs) {
    inputs.push_back(absl::StrCat(input.spec.name, " ", DTypeName(input.spec.dtype), " ", ShapeText(input.spec.shape)));
  }
  json setup = {{"loss", std::string(client::NameOf(plan.request.loss))},
                {"inputs", inputs},
                {"gradients", plan.request.gradients.mode != client::GradientOptions::Mode::kNone},
                {"request_bytes", request.bytes()},
                {"request_fingerprint", FingerprintOf(request)},
                {"seed", plan.seed}};
  if (!plan.request.inputs.empty()) setup["dtype"] = std::string(DTypeName(plan.request.inputs.front().spec.dtype));
  return setup;
}

void AddLoad(const LoadPlan& plan, json& setup) {
  const EngineOptions& engine = plan.engine;
  setup["transport"] = absl::StartsWith(engine.target, "unix:") ? "unix" : "tcp";
  setup["tls"] = engine.client.tls.has_value();
  setup["stream"] = engine.stream;
  setup["connections"] = engine.client.channels;
  setup["threads"] = std::min(engine.threads, engine.client.channels);
  setup["timeout"] = absl::FormatDuration(engine.client.timeout);
  setup["warmup"] = absl::FormatDuration(plan.measure.warmup);
  setup["window"] = absl::FormatDuration(plan.measure.window);
  if (plan.measure.calls) setup["calls"] = *plan.measure.calls;
  if (plan.measure.duration) setup["duration"] = absl::FormatDuration(*plan.measure.duration);
  if (!plan.measure.duration) {
    setup["stable_windows"] = plan.measure.stable_windows;
    setup["stability"] = plan.measure.stability;
  }
  setup["loop"] = "closed";
  if (!plan.levels.empty() && !plan.levels.front().arrivals)
    setup["when_refused"] = engine.again_at_once ? "again" : "wait";
  if (!plan.levels.empty() && plan.levels.front().arrivals) {
    const Level& level = plan.levels.front();
    setup["loop"] = "open";
    setup["arrivals"] = level.arrivals->poisson ? "poisson" : "constant";
    setup["max_outstanding"] = level.max_outstanding;
    setup["when_full"] = level.wait_for_room ? "wait" : "skip";
  }
  setup["verify"] = plan.verify_every;
  setup["chaos"] = plan.chaos ? std::string(ChaosName(*plan.chaos)) : "none";
  setup["client_processors"] = std::thread::hardware_concurrency();
}

void AddServer(const LoadPlan& plan, json& setup) {
  client::ClientOptions options = plan.engine.client;
  options.channels = 1;
  options.patience = absl::ZeroDuration();
  options.timeout = absl::Seconds(1);
  options.connect_timeout = absl::Seconds(1);
  const auto connected = client::Client::Connect(plan.engine.target, options);
  const auto info = connected.ok() ? (*connected)->GetServerInfo() : connected.status();
  if (!info.ok() || info->version.empty()) return;
  setup["server_version"] = info->version;
  setup["server_revision"] = info->revision;
  setup["server_limits"] = {{"max_message_bytes", info->limits.max_message_bytes},
                            {"max_inflight_bytes", info->limits.max_inflight_bytes},
                            {"max_concurrent_calls", info->limits.max_concurrent_calls},
                            {"max_request_flops", info->limits.max_request_flops}};
  for (const auto& device : info->devices) {
    setup["server_devices"].push_back(
        absl::StrCat(device.name, ", ", device.description, ", ", device.threads, " threads"));
  }
}

// From /configz, beside the metrics.
void AddServerFlags(const std::string& metrics_url, json& setup) {
  const size_t path = metrics_url.rfind('/');
  if (metrics_url.empty() || path == std::string::npos) return;
  const auto text = FetchText(absl::StrCat(metrics_url.substr(0, path), "/configz"));
  if (!text.ok()) return;
  const json flags = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (flags.is_object()) setup["server_flags"] = flags;
}

// Values by name, "server_flags/threads" for those within others; as a whole where `other` has none of them.
std::map<std::string, json> Flattened(const json& setup, const json& other) {
  std::map<std::string, json> values;
  for (const auto& [name, value] : setup.items()) {
    if (!value.is_object() || !other.contains(name)) {
      values[name] = value;
      continue;
    }
    for (const auto& [inner, inner_value] : value.items()) {
      if (!Addresses().contains(inner)) values[absl::StrCat(name, "/", inner)] = inner_value;
    }
  }
  return values;
}

std::string InWords(const json& value) { return value.is_object() ? "known" : value.dump(); }

}  // namespace

json SetupOf(const LoadPlan& plan, const LoadRequest& request) {
  json setup = RequestSetup(plan, request);
  AddLoad(plan, setup);
  AddServer(plan, setup);
  AddServerFlags(plan.metrics_url, setup);
  return setup;
}

std::vector<std::string> SetupDifferences(const json& before, const json& now) {
  std::vector<std::string> differences;
  if (before.empty()) return differences;
  const auto old_values = Flattened(before, now), new_values = Flattened(now, before);
  for (const auto& [name, value] : old_values) {
    const auto found = new_values.find(name);
    if (found != new_values.end() && found->second == value) continue;
    differences.push_back(absl::StrCat(name, ": ", InWords(value), " in the baseline, ",
                                       found == new_values.end() ? "not known" : InWords(found->second), " now"));
  }
  for (const auto& [name, value] : new_values) {
    if (!old_values.contains(name)) {
      differences.push_back(absl::StrCat(name, ": not known in the baseline, ", InWords(value), " now"));
    }
  }
  return differences;
}

}  // namespace lossd::load
