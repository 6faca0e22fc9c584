// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/settings/options.h"

#include <cmath>
#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(OptionsTest, DefaultsAreValid) { EXPECT_OK(ValidateOptions(ServerOptions())); }

TEST(OptionsTest, TransportMemoryExceedsWhatMayBeInFlight) {
  ServerOptions options;
  EXPECT_EQ(TransportMemoryBytes(options), int64_t{2304 + 64} << 20);
  options.max_message_bytes = int64_t{1} << 30;
  EXPECT_EQ(TransportMemoryBytes(options), int64_t{4} << 30);
  options.max_message_bytes = 1024;
  options.max_inflight_bytes = 1024;
  EXPECT_EQ(TransportMemoryBytes(options), 1024 + 128 + (int64_t{64} << 20));
  options.transport_memory_bytes = 7;
  EXPECT_EQ(TransportMemoryBytes(options), 7);
}

struct BadOption {
  const char* flag;
  const char* value;
  std::function<void(ServerOptions&)> spoil;
};

class BadOptionTest : public ::testing::TestWithParam<BadOption> {};

TEST_P(BadOptionTest, IsRefusedNamingFlagExpectationAndValue) {
  ServerOptions options;
  GetParam().spoil(options);
  EXPECT_THAT(ValidateOptions(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                                 AllOf(HasSubstr(std::string("--") + GetParam().flag + ": expected"),
                                                       HasSubstr(GetParam().value))));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadOptionTest,
    ::testing::Values(
        BadOption{"listen", "none", [](ServerOptions& o) { o.listen.clear(); }},
        BadOption{"listen", "\"nonsense\"", [](ServerOptions& o) { o.listen = {"nonsense"}; }},
        BadOption{"admin_listen", "\"h:70000\"", [](ServerOptions& o) { o.admin_listen = {"h:70000"}; }},
        BadOption{"http_listen", "\"unix:/x\"", [](ServerOptions& o) { o.http_listen = {"unix:/x"}; }},
        BadOption{"device", "\"tpu\"", [](ServerOptions& o) { o.device = "tpu"; }},
        BadOption{"device", "\"cuda:x\"", [](ServerOptions& o) { o.device = "cuda:x"; }},
        BadOption{"device", "\"cuda:N\"", [](ServerOptions& o) { o.device = "cuda:N"; }},
        BadOption{"device", "\"cuda:\"", [](ServerOptions& o) { o.device = "cuda:"; }},
        BadOption{"device", "\"cpu\"", [](ServerOptions& o) { o.device = "cuda:0,cpu"; }},
        BadOption{"device", "\"\"", [](ServerOptions& o) { o.device = "cuda:0,"; }},
        BadOption{"device", "cuda:1 twice", [](ServerOptions& o) { o.device = "cuda:1,cuda:0,cuda:1"; }},
        BadOption{"device", "\"cuda:-1\"", [](ServerOptions& o) { o.device = "cuda:-1"; }},
        BadOption{"device", "\"cuda:128\"", [](ServerOptions& o) { o.device = "cuda:128"; }},
        BadOption{"device", "\"cuda:99999999999999999\"",
                  [](ServerOptions& o) { o.device = "cuda:99999999999999999"; }},
        BadOption{"listen", "an address that --listen has not, got 127.0.0.1:7",
                  [](ServerOptions& o) {
                    o.listen = {"127.0.0.1:7", "127.0.0.1:7"};
                  }},
        BadOption{"http_listen", "an address that --admin_listen has not, got 127.0.0.1:7",
                  [](ServerOptions& o) { o.admin_listen = o.http_listen = {"127.0.0.1:7"}; }},
        BadOption{"port_file", "\"/\"", [](ServerOptions& o) { o.port_file = "/"; }},
        BadOption{"tls_key_file", "as --tls_cert_file is given, got none",
                  [](ServerOptions& o) { o.tls_cert_file = "/x"; }},
        BadOption{"tls_cert_file", "as --tls_key_file is given, got none",
                  [](ServerOptions& o) { o.tls_key_file = "/x"; }},
        BadOption{"tls_client_ca_file", "got neither", [](ServerOptions& o) { o.tls_client_ca_file = "/x"; }},
        BadOption{"compute_precision", "\"int8\"", [](ServerOptions& o) { o.compute_precision = "int8"; }},
        BadOption{"compute_precision", "expected fp32 or bf16 with --device=aten-cpu, got \"tf32\"",
                  [](ServerOptions& o) {
                    o.compute_precision = "tf32";
                    o.device = "aten-cpu";
                  }},
        BadOption{"threads", "-1", [](ServerOptions& o) { o.threads = -1; }},
        BadOption{"threads", "1025", [](ServerOptions& o) { o.threads = 1025; }},
        BadOption{"max_message_bytes", "1023", [](ServerOptions& o) { o.max_message_bytes = 1023; }},
        BadOption{"max_message_bytes", "2147483648", [](ServerOptions& o) { o.max_message_bytes = int64_t{1} << 31; }},
        BadOption{"max_inflight_bytes", "0", [](ServerOptions& o) { o.max_inflight_bytes = 0; }},
        BadOption{"max_inflight_bytes", "at least --max_message_bytes, which is 268435456, got 268435455 bytes",
                  [](ServerOptions& o) { o.max_inflight_bytes = o.max_message_bytes - 1; }},
        BadOption{"transport_memory_bytes",
                  "0 or at least --max_inflight_bytes, which is 2147483648, got 2147483647 bytes",
                  [](ServerOptions& o) { o.transport_memory_bytes = o.max_inflight_bytes - 1; }},
        BadOption{"transport_memory_bytes", "-5", [](ServerOptions& o) { o.transport_memory_bytes = -5; }},
        BadOption{"max_concurrent_calls", "0", [](ServerOptions& o) { o.max_concurrent_calls = 0; }},
        BadOption{"max_request_flops", "nan", [](ServerOptions& o) { o.max_request_flops = std::nan(""); }},
        BadOption{"parameter_cache_bytes", "-1", [](ServerOptions& o) { o.parameter_cache_bytes = -1; }},
        BadOption{"max_batch_requests", "0", [](ServerOptions& o) { o.max_batch_requests = 0; }},
        BadOption{"max_queue_delay", "-1s", [](ServerOptions& o) { o.max_queue_delay = -absl::Seconds(1); }},
        BadOption{"max_queue_delay", "at least 0s and at most 24h",
                  [](ServerOptions& o) { o.max_queue_delay = absl::InfiniteDuration(); }},
        BadOption{"drain_delay", "at most 24h, got inf",
                  [](ServerOptions& o) { o.drain_delay = absl::InfiniteDuration(); }},
        BadOption{"default_deadline", "0s or a duration of at least 1ms, got 1us",
                  [](ServerOptions& o) { o.default_deadline = absl::Microseconds(1); }},
        BadOption{"transfer_timeout", "at least 100ms, got 1us",
                  [](ServerOptions& o) { o.transfer_timeout = absl::Microseconds(1); }},
        BadOption{"keepalive_timeout", "at least 1ms, got 1us",
                  [](ServerOptions& o) { o.keepalive_timeout = absl::Microseconds(1); }},
        BadOption{"default_deadline", "-1s", [](ServerOptions& o) { o.default_deadline = -absl::Seconds(1); }},
        BadOption{"drain_delay", "-1s", [](ServerOptions& o) { o.drain_delay = -absl::Seconds(1); }},
        BadOption{"shutdown_timeout", "0", [](ServerOptions& o) { o.shutdown_timeout = absl::ZeroDuration(); }},
        BadOption{"max_concurrent_streams", "0", [](ServerOptions& o) { o.max_concurrent_streams = 0; }},
        BadOption{"max_connection_age", "0", [](ServerOptions& o) { o.max_connection_age = absl::ZeroDuration(); }},
        BadOption{"keepalive_time", "0", [](ServerOptions& o) { o.keepalive_time = absl::ZeroDuration(); }},
        BadOption{"log_level", "\"loud\"", [](ServerOptions& o) { o.log_level = "loud"; }},
        BadOption{"log_format", "\"xml\"", [](ServerOptions& o) { o.log_format = "xml"; }}));

}  // namespace
}  // namespace lossd
