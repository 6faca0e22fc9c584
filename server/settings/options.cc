// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/settings/options.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "core/status/status_macros.h"
#include "server/settings/flag_table.h"
#include "server/settings/listen_address.h"

namespace lossd {
namespace {

absl::Status CheckCudaDevice(absl::string_view device) {
  constexpr int kMostDevices = 128;  // LibTorch's own.
  absl::string_view text = device;
  int index = 0;
  const bool numbered =
      absl::ConsumePrefix(&text, "cuda:") && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  if (numbered && absl::SimpleAtoi(text, &index) && index < kMostDevices) return absl::OkStatus();
  return BadFlag("device", absl::StrCat("cuda:0 to cuda:", kMostDevices - 1), absl::StrCat("\"", device, "\""));
}

absl::Status CheckDevice(absl::string_view text) {
  const std::vector<absl::string_view> devices = absl::StrSplit(text, ',');
  if (devices.size() == 1 && !absl::StartsWith(text, "cuda:")) {
    constexpr absl::string_view kPlain[] = {"auto", "cpu", "aten-cpu", "cuda"};
    if (absl::c_linear_search(kPlain, text)) return absl::OkStatus();
    return BadFlag("device", "one of auto, cpu, aten-cpu, cuda, cuda:0, or cuda:0,cuda:1",
                   absl::StrCat("\"", text, "\""));
  }
  for (size_t i = 0; i < devices.size(); ++i) {
    LOSSD_RETURN_IF_ERROR(CheckCudaDevice(devices[i]));
    if (std::count(devices.begin(), devices.end(), devices[i]) == 1) continue;
    return BadFlag("device", "each device once", absl::StrCat(devices[i], " twice"));
  }
  return absl::OkStatus();
}

absl::Status CheckPortFile(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return absl::OkStatus();
  return BadFlag("port_file", "a file", absl::StrCat("the folder \"", path, "\""));
}

// Listeners cannot share an address.
absl::Status CheckAddressesDiffer(const ServerOptions& options) {
  std::map<std::string, const char*> taken;
  const std::pair<const char*, const std::vector<std::string>&> listeners[] = {
      {"listen", options.listen}, {"admin_listen", options.admin_listen}, {"http_listen", options.http_listen}};
  for (const auto& [flag, addresses] : listeners) {
    for (const std::string& text : addresses) {
      LOSSD_ASSIGN_OR_RETURN(const ListenAddress address, ParseListenAddress(text));
      if (!address.is_unix() && address.port == 0) continue;
      const auto [other, is_new] = taken.emplace(ListenAddressText(address), flag);
      if (!is_new) return BadFlag(flag, absl::StrCat("an address that --", other->second, " has not"), text);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckComputePrecision(const ServerOptions& options) {
  if (options.compute_precision != "tf32" || absl::StartsWith(options.device, "cuda")) return absl::OkStatus();
  return BadFlag("compute_precision", absl::StrCat("fp32 or bf16 with --device=", options.device), "\"tf32\"");
}

absl::Status CheckTlsFiles(const ServerOptions& options) {
  if (options.tls_cert_file.empty() != options.tls_key_file.empty()) {
    const bool key_missing = options.tls_key_file.empty();
    return BadFlag(key_missing ? "tls_key_file" : "tls_cert_file",
                   absl::StrCat("a file, as --", key_missing ? "tls_cert_file" : "tls_key_file", " is given"), "none");
  }
  if (options.tls_client_ca_file.empty() || !options.tls_cert_file.empty()) return absl::OkStatus();
  return BadFlag("tls_client_ca_file", "--tls_cert_file and --tls_key_file beside it", "neither");
}

// Limits that no call, or none of the largest, could keep.
absl::Status CheckLimits(const ServerOptions& options) {
  if (options.max_inflight_bytes < options.max_message_bytes) {
    return BadFlag("max_inflight_bytes",
                   absl::StrCat("at least --max_message_bytes, which is ", options.max_message_bytes),
                   absl::StrCat(options.max_inflight_bytes, " bytes"));
  }
  // The transport would end honest calls without a word while there is room for them.
  if (options.transport_memory_bytes == 0 || options.transport_memory_bytes >= options.max_inflight_bytes) {
    return absl::OkStatus();
  }
  return BadFlag("transport_memory_bytes",
                 absl::StrCat("0 or at least --max_inflight_bytes, which is ", options.max_inflight_bytes),
                 absl::StrCat(options.transport_memory_bytes, " bytes"));
}

}  // namespace

absl::Status ValidateOptions(const ServerOptions& options) {
  for (const FlagGroup& group : FlagGroups()) {
    for (const Flag& flag : group.flags) LOSSD_RETURN_IF_ERROR(CheckFlag(flag, options));
  }
  if (options.listen.empty()) return BadFlag("listen", "at least one address", "none");
  LOSSD_RETURN_IF_ERROR(CheckAddressesDiffer(options));
  LOSSD_RETURN_IF_ERROR(CheckTlsFiles(options));
  LOSSD_RETURN_IF_ERROR(CheckLimits(options));
  LOSSD_RETURN_IF_ERROR(CheckDevice(options.device));
  LOSSD_RETURN_IF_ERROR(CheckPortFile(options.port_file));
  return CheckComputePrecision(options);
}

int64_t TransportMemoryBytes(const ServerOptions& options) {
  if (options.transport_memory_bytes > 0) return options.transport_memory_bytes;
  // What messages hold on their way counts in max_inflight_bytes. gRPC, which would end calls without a word, must not
  // run out before that does: it also holds what clients send unasked, and slices that are not full.
  constexpr int64_t kUnasked = int64_t{64} << 20;
  const int64_t beyond = options.max_inflight_bytes / 8 + kUnasked;
  return std::max(4 * options.max_message_bytes, options.max_inflight_bytes + beyond);
}

}  // namespace lossd
