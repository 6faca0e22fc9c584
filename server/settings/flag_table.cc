// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/settings/flag_table.h"

#include "core/scheduling/batch_scheduler.h"

namespace lossd {
namespace {

using Options = ServerOptions;

constexpr int64_t kLargestMessage = (int64_t{1} << 31) - 1;  // gRPC's own, bytes.
constexpr int64_t kMostBytes = int64_t{1} << 50;
// Shorter ones the transport rounds to nothing, or nobody could keep.
constexpr absl::Duration kShortest = absl::Milliseconds(1);
constexpr absl::Duration kShortestTransfer = absl::Milliseconds(100);
constexpr absl::Duration kLongestWait = absl::Hours(24);  // Of what keeps others waiting.
constexpr absl::Duration kForEver = absl::InfiniteDuration();
constexpr bool kOrZero = true;

FlagGroup Addresses() {
  return {"Addresses",
          {{"listen", AddressesFlag{&Options::listen, /*unix_allowed=*/true},
            "Addresses of the service, separated by commas: host:port (port 0: any free one) or unix:/path."},
           {"admin_listen", AddressesFlag{&Options::admin_listen, /*unix_allowed=*/true},
            "Addresses of the admin server (health, reflection, channelz), a gRPC server of its own that load on the "
            "service does not starve. Empty: none."},
           {"http_listen", AddressesFlag{&Options::http_listen, /*unix_allowed=*/false},
            "Addresses (host:port) of /metrics, /healthz, /readyz, /version, /configz. Empty: none."},
           {"port_file", TextFlag{&Options::port_file},
            "File to which the addresses in use are written as JSON once calls can be served."}}};
}

FlagGroup Security() {
  return {
      "Security",
      {{"tls_cert_file", TextFlag{&Options::tls_cert_file},
        "PEM file with the server's certificate, then those that lead to its root. Given: --listen and --admin_listen "
        "speak TLS, unix: addresses and --http_listen plain text. Read again when it changes, as the following ones."},
       {"tls_key_file", TextFlag{&Options::tls_key_file}, "PEM file with the key of that certificate."},
       {"tls_client_ca_file", TextFlag{&Options::tls_client_ca_file},
        "PEM file with the roots that clients' certificates must come from. Given: clients must show one."},
       {"auth_token_file", TextFlag{&Options::auth_token_file},
        "File with the bearer tokens that calls must show one of, one a line, # starting a comment. Empty: calls need "
        "none."}}};
}

FlagGroup Computation() {
  return {
      "Computation",
      {{"device", TextFlag{&Options::device},
        "Where losses are computed: cpu, aten-cpu (through LibTorch), cuda (the first card), cuda:N or several, "
        "separated by commas, or auto, which takes CUDA if present, else cpu."},
       {"libtorch", TextFlag{&Options::libtorch},
        "Folder of the libraries of the LibTorch that --device=cuda runs on, unless they lie beside its module. Empty: "
        "where they were when it was built."},
       {"device_memory_bytes", BytesFlag{&Options::device_memory_bytes, 0, kMostBytes},
        "Bytes of a card's memory that computations may take. 0: four fifths of what is free at the start. A request "
        "that needs more is refused."},
       {"nvtx", CountFlag{&Options::nvtx, 0, 1},
        "1: tell NVIDIA's profilers when a batch goes up, is computed and comes down."},
       {"compute_precision", TextFlag{&Options::compute_precision, {"fp32", "bf16", "tf32"}},
        "Operands of matrix products: fp32; bf16, which rounds them to bfloat16 and adds up in float32; on cuda also "
        "tf32, which rounds them to TF32. Less exact; not for FLOAT64 inputs. On processors bf16 is taken only for "
        "shapes that it is faster for, on AMD's with AVX512-BF16, and is fp32 elsewhere."},
       {"threads", CountFlag{&Options::threads, 0, BatchSchedulerOptions::kMaxThreads},
        "Threads that compute. 0: as many processors as the cgroup's quota and the affinity mask allow."},
       {"max_batch_requests", CountFlag{&Options::max_batch_requests, 1, 1 << 20}, "Requests in a batch at most."},
       {"max_queue_delay", DurationFlag{&Options::max_queue_delay, absl::ZeroDuration(), kLongestWait},
        "Longest a request waits for company in its batch while a worker is idle. 0: never waits."},
       {"parameter_cache_bytes", BytesFlag{&Options::parameter_cache_bytes, 0, kMostBytes},
        "Bytes of seed-initialised parameters to keep."}}};
}

FlagGroup Limits() {
  return {
      "Limits",
      {{"max_message_bytes", BytesFlag{&Options::max_message_bytes, 1024, kLargestMessage},
        "Largest request or response, in bytes. Clients have a limit of their own, 4 MiB by default in gRPC."},
       {"max_inflight_bytes", BytesFlag{&Options::max_inflight_bytes, 1, kMostBytes},
        "Bytes of payloads, results and workspace of all accepted calls together, at least --max_message_bytes; calls "
        "beyond are refused."},
       {"transport_memory_bytes", BytesFlag{&Options::transport_memory_bytes, 0, kMostBytes},
        "Bytes the transport may hold in messages being received and sent, at least --max_inflight_bytes. 0: an "
        "eighth more than --max_inflight_bytes and 64 MiB, at least four messages."},
       {"max_concurrent_calls", CountFlag{&Options::max_concurrent_calls, 1, 1 << 30},
        "Calls, and messages of streams, in flight at a time; calls beyond are refused."},
       {"max_request_flops", NumberFlag{&Options::max_request_flops},
        "Floating-point operations that a request may need, by estimate."},
       {"default_deadline", DurationFlag{&Options::default_deadline, kShortest, kForEver, kOrZero},
        "Deadline of calls that come without one. 0: none."}}};
}

FlagGroup Shutdown() {
  return {"Shutdown",
          {{"drain_delay", DurationFlag{&Options::drain_delay, absl::ZeroDuration(), kLongestWait},
            "After SIGTERM: how long to keep serving with health NOT_SERVING, so that balancers look elsewhere."},
           {"shutdown_timeout", DurationFlag{&Options::shutdown_timeout, kShortest, kLongestWait},
            "After the drain delay: how long accepted calls may take to finish before they are cut off."}}};
}

FlagGroup Connections() {
  return {
      "Connections",
      {{"max_connections", CountFlag{&Options::max_connections, 0, 1 << 30},
        "Connections to --listen at a time; more are closed at once. 0: as many as the file descriptors allow, of "
        "which "
        "a quarter, 256 at most, is set aside for --admin_listen, --http_listen and files."},
       {"max_concurrent_streams", CountFlag{&Options::max_concurrent_streams, 1, kLargestMessage},
        "Calls at a time on a connection, so that one client cannot take every place there is."},
       {"transfer_timeout", DurationFlag{&Options::transfer_timeout, kShortestTransfer, kForEver},
        "How long a client may take to send a call's message or to take its answer before the call is cut off. inf: as "
        "long as it likes."},
       {"max_connection_age", DurationFlag{&Options::max_connection_age, kShortestTransfer, kForEver},
        "Age at which a connection is closed gracefully, which makes clients resolve names again. inf: never."},
       {"max_connection_age_grace", DurationFlag{&Options::max_connection_age_grace, kShortest, kForEver},
        "How long calls on an aged connection may take to finish. inf: as long as they want."},
       {"max_connection_idle", DurationFlag{&Options::max_connection_idle, kShortestTransfer, kForEver},
        "How long a connection may stay without calls. inf: for ever."},
       {"keepalive_time", DurationFlag{&Options::keepalive_time, kShortest, kForEver},
        "Silence after which a client is pinged."},
       {"keepalive_timeout", DurationFlag{&Options::keepalive_timeout, kShortest, kForEver},
        "How long a ping may stay unanswered before the connection is closed."}}};
}

FlagGroup Log() {
  return {"Log",
          {{"log_level", TextFlag{&Options::log_level, {"debug", "info", "warning", "error"}},
            "Least severity that is logged: debug, info (has a line for every call), warning, error."},
           {"log_format", TextFlag{&Options::log_format, {"json", "text"}},
            "Form of the log on stderr: json (one object a line), text."}}};
}

FlagGroup InsteadOfServing() {
  return {"Instead of serving",
          {{"help", ActionFlag{Action::kHelp}, "Print this text and exit, as -h does."},
           {"version", ActionFlag{Action::kVersion}, "Print the version and exit."},
           {"validate_config", ActionFlag{Action::kValidateConfig},
            "Check the flags and the files of --tls_* and --auth_token_file, and exit: 0 if they are valid, else 2."},
           {"healthcheck", ActionFlag{Action::kHealthcheck},
            "Ask a running server, at --admin_listen or as --port_file says, whether it is ready; exit 0 if so, else "
            "1."}}};
}

}  // namespace

const std::vector<FlagGroup>& FlagGroups() {
  static const auto* const groups = new std::vector<FlagGroup>{
      Addresses(), Security(), Computation(), Limits(), Shutdown(), Connections(), Log(), InsteadOfServing()};
  return *groups;
}

const Flag* FindFlag(absl::string_view name) {
  for (const FlagGroup& group : FlagGroups()) {
    for (const Flag& flag : group.flags) {
      if (flag.name == name) return &flag;
    }
  }
  return nullptr;
}

std::vector<std::string> FlagNames() {
  std::vector<std::string> names;
  for (const FlagGroup& group : FlagGroups()) {
    for (const Flag& flag : group.flags) names.push_back(flag.name);
  }
  return names;
}

}  // namespace lossd
