// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/options.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <initializer_list>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "core/scheduling/batch_scheduler.h"
#include "core/status/status_macros.h"
#include "server/listen_address.h"

namespace lossd {
namespace {

constexpr int64_t kLargestMessage = (int64_t{1} << 31) - 1;  // gRPC's own, bytes.

absl::Status BadFlag(absl::string_view flag, absl::string_view expected, absl::string_view got) {
  return absl::InvalidArgumentError(absl::StrCat("--", flag, ": expected ", expected, ", got ", got));
}

absl::Status CheckRange(absl::string_view flag, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return BadFlag(flag, absl::StrCat("an integer from ", low, " to ", high), absl::StrCat(value));
}

absl::Status CheckNotNegative(absl::string_view flag, absl::Duration value) {
  if (value >= absl::ZeroDuration()) return absl::OkStatus();
  return BadFlag(flag, "a duration of at least 0s", absl::FormatDuration(value));
}

absl::Status CheckPositive(absl::string_view flag, absl::Duration value) {
  if (value > absl::ZeroDuration()) return absl::OkStatus();
  return BadFlag(flag, "a duration above 0s", absl::FormatDuration(value));
}

absl::Status CheckOneOf(absl::string_view flag, absl::string_view value,
                        std::initializer_list<absl::string_view> choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return absl::OkStatus();
  return BadFlag(flag, absl::StrCat("one of ", absl::StrJoin(choices, ", ")), absl::StrCat("\"", value, "\""));
}

absl::Status CheckAddresses(absl::string_view flag, const std::vector<std::string>& addresses, bool unix_allowed) {
  for (const std::string& text : addresses) {
    const auto address = ParseListenAddress(text);
    if (!address.ok()) return absl::InvalidArgumentError(absl::StrCat("--", flag, ": ", address.status().message()));
    if (address->is_unix() && !unix_allowed) return BadFlag(flag, "host:port", absl::StrCat("\"", text, "\""));
  }
  return absl::OkStatus();
}

absl::Status CheckDevice(absl::string_view device) {
  constexpr int kMostDevices = 128;  // LibTorch's own.
  absl::string_view text = device;
  if (!absl::ConsumePrefix(&text, "cuda:")) {
    return CheckOneOf("device", device, {"auto", "cpu", "aten-cpu", "cuda", "cuda:0"});
  }
  int index = 0;
  const bool digits = std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  if (digits && absl::SimpleAtoi(text, &index) && index < kMostDevices) return absl::OkStatus();
  return BadFlag("device", absl::StrCat("cuda:0 to cuda:", kMostDevices - 1), absl::StrCat("\"", device, "\""));
}

absl::Status CheckPortFile(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return absl::OkStatus();
  return BadFlag("port_file", "a file", absl::StrCat("the folder \"", path, "\""));
}

absl::Status CheckComputePrecision(const ServerOptions& options) {
  LOSSD_RETURN_IF_ERROR(CheckOneOf("compute_precision", options.compute_precision, {"fp32", "bf16"}));
  if (options.compute_precision == "fp32" || options.device == "auto" || options.device == "cpu") {
    return absl::OkStatus();
  }
  return BadFlag("compute_precision", absl::StrCat("fp32 with --device=", options.device), "\"bf16\"");
}

absl::Status CheckListeners(const ServerOptions& options) {
  if (options.listen.empty()) return BadFlag("listen", "at least one address", "none");
  LOSSD_RETURN_IF_ERROR(CheckAddresses("listen", options.listen, true));
  LOSSD_RETURN_IF_ERROR(CheckAddresses("admin_listen", options.admin_listen, true));
  return CheckAddresses("http_listen", options.http_listen, false);
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

absl::Status CheckLimits(const ServerOptions& options) {
  constexpr int64_t kMax = int64_t{1} << 50;
  LOSSD_RETURN_IF_ERROR(CheckRange("max_message_bytes", options.max_message_bytes, 1024, kLargestMessage));
  LOSSD_RETURN_IF_ERROR(CheckRange("max_inflight_bytes", options.max_inflight_bytes, 1, kMax));
  LOSSD_RETURN_IF_ERROR(CheckRange("transport_memory_bytes", options.transport_memory_bytes, 0, kMax));
  LOSSD_RETURN_IF_ERROR(CheckRange("max_concurrent_calls", options.max_concurrent_calls, 1, 1 << 30));
  LOSSD_RETURN_IF_ERROR(CheckRange("parameter_cache_bytes", options.parameter_cache_bytes, 0, kMax));
  LOSSD_RETURN_IF_ERROR(CheckRange("max_batch_requests", options.max_batch_requests, 1, 1 << 20));
  LOSSD_RETURN_IF_ERROR(CheckRange("max_concurrent_streams", options.max_concurrent_streams, 1, kLargestMessage));
  LOSSD_RETURN_IF_ERROR(CheckRange("threads", options.threads, 0, BatchSchedulerOptions::kMaxThreads));
  if (options.max_request_flops > 0) return absl::OkStatus();  // False for NaN.
  return BadFlag("max_request_flops", "a number above 0", absl::StrCat(options.max_request_flops));
}

absl::Status CheckTimes(const ServerOptions& options) {
  LOSSD_RETURN_IF_ERROR(CheckNotNegative("max_queue_delay", options.max_queue_delay));
  LOSSD_RETURN_IF_ERROR(CheckNotNegative("default_deadline", options.default_deadline));
  LOSSD_RETURN_IF_ERROR(CheckNotNegative("drain_delay", options.drain_delay));
  LOSSD_RETURN_IF_ERROR(CheckPositive("shutdown_timeout", options.shutdown_timeout));
  LOSSD_RETURN_IF_ERROR(CheckPositive("transfer_timeout", options.transfer_timeout));
  LOSSD_RETURN_IF_ERROR(CheckPositive("max_connection_age", options.max_connection_age));
  LOSSD_RETURN_IF_ERROR(CheckPositive("max_connection_age_grace", options.max_connection_age_grace));
  LOSSD_RETURN_IF_ERROR(CheckPositive("max_connection_idle", options.max_connection_idle));
  LOSSD_RETURN_IF_ERROR(CheckPositive("keepalive_time", options.keepalive_time));
  return CheckPositive("keepalive_timeout", options.keepalive_timeout);
}

}  // namespace

absl::Status ValidateOptions(const ServerOptions& options) {
  LOSSD_RETURN_IF_ERROR(CheckListeners(options));
  LOSSD_RETURN_IF_ERROR(CheckTlsFiles(options));
  LOSSD_RETURN_IF_ERROR(CheckLimits(options));
  LOSSD_RETURN_IF_ERROR(CheckTimes(options));
  LOSSD_RETURN_IF_ERROR(CheckDevice(options.device));
  LOSSD_RETURN_IF_ERROR(CheckPortFile(options.port_file));
  LOSSD_RETURN_IF_ERROR(CheckComputePrecision(options));
  LOSSD_RETURN_IF_ERROR(CheckOneOf("log_level", options.log_level, {"debug", "info", "warning", "error"}));
  return CheckOneOf("log_format", options.log_format, {"json", "text"});
}

int64_t TransportMemoryBytes(const ServerOptions& options) {
  if (options.transport_memory_bytes > 0) return options.transport_memory_bytes;
  return std::max(int64_t{64} << 20, 4 * options.max_message_bytes);
}

}  // namespace lossd
