// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/flags.h"

#include "absl/flags/flag.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

namespace {

const lossd::ServerOptions& Defaults() {
  static const auto* const defaults = new lossd::ServerOptions();
  return *defaults;
}

}  // namespace

ABSL_FLAG(std::vector<std::string>, listen, Defaults().listen,
          "Addresses of the service, separated by commas: host:port (port 0: any free one) or unix:/path.");
ABSL_FLAG(std::vector<std::string>, admin_listen, Defaults().admin_listen,
          "Addresses of the admin server (health, reflection, channelz), a gRPC server of its own that load on the "
          "service does not starve. Empty: none.");
ABSL_FLAG(std::vector<std::string>, http_listen, Defaults().http_listen,
          "Addresses (host:port) of /metrics, /healthz, /readyz, /version, /configz. Empty: none.");
ABSL_FLAG(std::string, port_file, Defaults().port_file,
          "File to which the addresses in use are written as JSON once calls can be served.");

ABSL_FLAG(
    std::string, tls_cert_file, Defaults().tls_cert_file,
    "PEM file with the server's certificate, then those that lead to its root. Given: --listen and --admin_listen "
    "speak TLS, unix: addresses and --http_listen plain text. Read again when it changes, as the following ones.");
ABSL_FLAG(std::string, tls_key_file, Defaults().tls_key_file, "PEM file with the key of that certificate.");
ABSL_FLAG(std::string, tls_client_ca_file, Defaults().tls_client_ca_file,
          "PEM file with the roots that clients' certificates must come from. Given: clients must show one.");
ABSL_FLAG(
    std::string, auth_token_file, Defaults().auth_token_file,
    "File with the bearer tokens that calls must show one of, one a line, # starting a comment. Empty: calls need "
    "none.");

ABSL_FLAG(
    std::string, device, Defaults().device,
    "Where losses are computed: cpu, aten-cpu (through LibTorch), cuda, cuda:N, or auto, which takes CUDA if present, "
    "else cpu.");
ABSL_FLAG(std::string, compute_precision, Defaults().compute_precision,
          "Operands of matrix products: fp32, or bf16, which rounds them to bfloat16 and adds up in float32. Faster on "
          "processors with AVX512-BF16, less exact everywhere; only on cpu, and not for FLOAT64 inputs.");
ABSL_FLAG(int32_t, threads, Defaults().threads,
          "Threads that compute. 0: as many processors as the cgroup's quota and the affinity mask allow.");

ABSL_FLAG(int64_t, max_message_bytes, Defaults().max_message_bytes,
          "Largest request or response, in bytes. Clients have a limit of their own, 4 MiB by default in gRPC.");
ABSL_FLAG(int64_t, max_inflight_bytes, Defaults().max_inflight_bytes,
          "Bytes of payloads, results and workspace of all accepted calls together; calls beyond are refused.");
ABSL_FLAG(int64_t, transport_memory_bytes, Defaults().transport_memory_bytes,
          "Bytes the transport may hold in messages being received and sent. 0: max(64 MiB, 4 * max_message_bytes).");
ABSL_FLAG(int64_t, max_concurrent_calls, Defaults().max_concurrent_calls,
          "Calls, and messages of streams, in flight at a time; calls beyond are refused.");
ABSL_FLAG(double, max_request_flops, Defaults().max_request_flops,
          "Floating-point operations that a request may need, by estimate.");
ABSL_FLAG(int64_t, parameter_cache_bytes, Defaults().parameter_cache_bytes,
          "Bytes of seed-initialised parameters to keep.");

ABSL_FLAG(absl::Duration, max_queue_delay, Defaults().max_queue_delay,
          "Longest a request waits for company in its batch while a worker is idle. 0: never waits.");
ABSL_FLAG(int64_t, max_batch_requests, Defaults().max_batch_requests, "Requests in a batch at most.");
ABSL_FLAG(absl::Duration, default_deadline, Defaults().default_deadline,
          "Deadline of calls that come without one. 0: none.");

ABSL_FLAG(absl::Duration, drain_delay, Defaults().drain_delay,
          "After SIGTERM: how long to keep serving with health NOT_SERVING, so that balancers look elsewhere.");
ABSL_FLAG(absl::Duration, shutdown_timeout, Defaults().shutdown_timeout,
          "After the drain delay: how long accepted calls may take to finish before they are cut off.");

ABSL_FLAG(int64_t, max_concurrent_streams, Defaults().max_concurrent_streams,
          "Calls at a time on a connection, so that one client cannot take every place there is.");
ABSL_FLAG(
    absl::Duration, transfer_timeout, Defaults().transfer_timeout,
    "How long a client may take to send a call's message or to take its answer before the call is cut off. inf: as "
    "long as it likes.");
ABSL_FLAG(absl::Duration, max_connection_age, Defaults().max_connection_age,
          "Age at which a connection is closed gracefully, which makes clients resolve names again. inf: never.");
ABSL_FLAG(absl::Duration, max_connection_age_grace, Defaults().max_connection_age_grace,
          "How long calls on an aged connection may take to finish. inf: as long as they want.");
ABSL_FLAG(absl::Duration, max_connection_idle, Defaults().max_connection_idle,
          "How long a connection may stay without calls. inf: for ever.");
ABSL_FLAG(absl::Duration, keepalive_time, Defaults().keepalive_time, "Silence after which a client is pinged.");
ABSL_FLAG(absl::Duration, keepalive_timeout, Defaults().keepalive_timeout,
          "How long a ping may stay unanswered before the connection is closed.");

ABSL_FLAG(std::string, log_level, Defaults().log_level,
          "Least severity that is logged: debug, info (has a line for every call), warning, error.");
ABSL_FLAG(std::string, log_format, Defaults().log_format, "Form of the log on stderr: json (one object a line), text.");

ABSL_FLAG(bool, help, false, "Print this text and exit.");
ABSL_FLAG(bool, version, false, "Print the version and exit.");
ABSL_FLAG(bool, validate_config, false,
          "Check the flags and the files of --tls_* and --auth_token_file, and exit: 0 if they are valid, else 2.");
ABSL_FLAG(bool, healthcheck, false,
          "Ask a running server, at --admin_listen or as --port_file says, whether it is ready; exit 0 if so, else 1.");

namespace lossd {
namespace {

// Drops white space and empty items, so that --x= means none.
std::vector<std::string> Items(const std::vector<std::string>& flag) {
  std::vector<std::string> items;
  for (const std::string& text : flag) {
    const absl::string_view item = absl::StripAsciiWhitespace(text);
    if (!item.empty()) items.emplace_back(item);
  }
  return items;
}

void ReadLimits(ServerOptions& options) {
  options.max_message_bytes = absl::GetFlag(FLAGS_max_message_bytes);
  options.max_inflight_bytes = absl::GetFlag(FLAGS_max_inflight_bytes);
  options.transport_memory_bytes = absl::GetFlag(FLAGS_transport_memory_bytes);
  options.max_concurrent_calls = absl::GetFlag(FLAGS_max_concurrent_calls);
  options.max_request_flops = absl::GetFlag(FLAGS_max_request_flops);
  options.parameter_cache_bytes = absl::GetFlag(FLAGS_parameter_cache_bytes);
  options.max_batch_requests = absl::GetFlag(FLAGS_max_batch_requests);
  options.max_concurrent_streams = absl::GetFlag(FLAGS_max_concurrent_streams);
}

void ReadTimes(ServerOptions& options) {
  options.max_queue_delay = absl::GetFlag(FLAGS_max_queue_delay);
  options.default_deadline = absl::GetFlag(FLAGS_default_deadline);
  options.drain_delay = absl::GetFlag(FLAGS_drain_delay);
  options.shutdown_timeout = absl::GetFlag(FLAGS_shutdown_timeout);
  options.transfer_timeout = absl::GetFlag(FLAGS_transfer_timeout);
  options.max_connection_age = absl::GetFlag(FLAGS_max_connection_age);
  options.max_connection_age_grace = absl::GetFlag(FLAGS_max_connection_age_grace);
  options.max_connection_idle = absl::GetFlag(FLAGS_max_connection_idle);
  options.keepalive_time = absl::GetFlag(FLAGS_keepalive_time);
  options.keepalive_timeout = absl::GetFlag(FLAGS_keepalive_timeout);
}

}  // namespace

const std::vector<FlagGroup>& FlagGroups() {
  static const auto* const groups = new std::vector<FlagGroup>{
      {"Addresses", {"listen", "admin_listen", "http_listen", "port_file"}},
      {"Security", {"tls_cert_file", "tls_key_file", "tls_client_ca_file", "auth_token_file"}},
      {"Computation",
       {"device", "compute_precision", "threads", "max_batch_requests", "max_queue_delay", "parameter_cache_bytes"}},
      {"Limits",
       {"max_message_bytes", "max_inflight_bytes", "transport_memory_bytes", "max_concurrent_calls",
        "max_request_flops", "default_deadline"}},
      {"Shutdown", {"drain_delay", "shutdown_timeout"}},
      {"Connections",
       {"max_concurrent_streams", "transfer_timeout", "max_connection_age", "max_connection_age_grace",
        "max_connection_idle", "keepalive_time", "keepalive_timeout"}},
      {"Log", {"log_level", "log_format"}},
      {"Instead of serving", {"help", "version", "validate_config", "healthcheck"}}};
  return *groups;
}

ServerOptions OptionsFromFlags() {
  ServerOptions options;
  options.listen = Items(absl::GetFlag(FLAGS_listen));
  options.admin_listen = Items(absl::GetFlag(FLAGS_admin_listen));
  options.http_listen = Items(absl::GetFlag(FLAGS_http_listen));
  options.port_file = absl::GetFlag(FLAGS_port_file);
  options.tls_cert_file = absl::GetFlag(FLAGS_tls_cert_file);
  options.tls_key_file = absl::GetFlag(FLAGS_tls_key_file);
  options.tls_client_ca_file = absl::GetFlag(FLAGS_tls_client_ca_file);
  options.auth_token_file = absl::GetFlag(FLAGS_auth_token_file);
  options.device = absl::GetFlag(FLAGS_device);
  options.compute_precision = absl::GetFlag(FLAGS_compute_precision);
  options.threads = absl::GetFlag(FLAGS_threads);
  options.log_level = absl::GetFlag(FLAGS_log_level);
  options.log_format = absl::GetFlag(FLAGS_log_format);
  ReadLimits(options);
  ReadTimes(options);
  return options;
}

Action ActionFromFlags() {
  if (absl::GetFlag(FLAGS_help)) return Action::kHelp;
  if (absl::GetFlag(FLAGS_version)) return Action::kVersion;
  if (absl::GetFlag(FLAGS_validate_config)) return Action::kValidateConfig;
  if (absl::GetFlag(FLAGS_healthcheck)) return Action::kHealthcheck;
  return Action::kServe;
}

}  // namespace lossd
