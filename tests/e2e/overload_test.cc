// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Three times as many calls as the real binary can serve: what is beyond is refused, politely and at once, and the rest
// is served as ever. Figures are printed, not asserted.

#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "client/load/level_runner.h"
#include "client/load/load_engine.h"
#include "client/load/load_request.h"
#include "client/load/stop_signal.h"
#include "core/scheduling/clock.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/watched_server.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kMaxCalls = 16;
constexpr int64_t kMaxBytes = int64_t{64} << 20;

client::ComputeRequest LoadOf(int64_t rows, int64_t columns) {
  client::ComputeRequest request;
  request.loss = client::NtXent();
  const auto specs = load::InputsOfShape(request.loss, {rows, columns}, DType::kFloat32, 1);
  for (const TensorSpec& spec : specs)
    request.inputs.push_back(client::InputTensor::Share(load::RandomTensor(spec, 1)));
  return request;
}

// Loads a server over 4 connections.
class Load {
 public:
  explicit Load(const std::string& address, absl::Duration timeout = absl::InfiniteDuration())
      : request_(*load::LoadRequest::Encode(LoadOf(256, 128), std::nullopt)),
        context_{.request = request_, .clock = RealClock(), .timeout = timeout, .auth_token = ""} {
    load::EngineOptions options;
    options.target = address;
    options.client.channels = 4;
    engine_ = *load::LoadEngine::Connect(options, context_);
  }

  load::LevelResult Run(const load::Level& level, absl::Duration length) {
    load::MeasureOptions measure;
    measure.warmup = absl::Milliseconds(200);
    measure.duration = measure.window = length;
    return load::RunLevel(*engine_, level, measure, RealClock(), stop_, nullptr);
  }

 private:
  const load::LoadRequest request_;
  const load::CallContext context_;
  load::StopSignal stop_;  // Not given.
  std::unique_ptr<load::LoadEngine> engine_;
};

double Goodput(const load::LevelResult& result) {
  return static_cast<double>(result.calls.answers.count()) / absl::ToDoubleSeconds(result.length);
}

// From arrival to answer of every refused call, by the access log.
load::Histogram RefusalTimes(const std::string& log) {
  load::Histogram times;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const auto fields = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (fields.is_discarded() || fields.value("code", "") != "RESOURCE_EXHAUSTED") continue;
    times.Add(absl::Seconds(fields.value("seconds", 0.0)));
  }
  return times;
}

TEST(OverloadTest, ThreeTimesTheCapacityIsServedAtCapacityAndTheRestRefused) {
  WatchedServer server({"--threads=1", absl::StrFormat("--max_concurrent_calls=%d", kMaxCalls),
                        absl::StrFormat("--max_inflight_bytes=%d", kMaxBytes), "--transport_memory_bytes=64MiB",
                        "--max_message_bytes=64MiB"});
  Load load(server.address());
  const double capacity = Goodput(load.Run({.concurrency = 8, .arrivals = std::nullopt}, absl::Seconds(1)));
  const load::ArrivalOptions arrivals = {3 * capacity, 3 * capacity, absl::ZeroDuration(), /*poisson=*/true, 1};
  server.ForgetPeak();
  const double before = server.Megabytes();
  const load::LevelResult overload = load.Run({.arrivals = arrivals, .max_outstanding = 10'000}, absl::Seconds(2));
  const double peak = server.PeakMegabytes();
  ASSERT_EQ(overload.calls.errors.size(), 1u);
  const auto& [code, refused] = *overload.calls.errors.begin();
  EXPECT_EQ(code, absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.example,
              AllOf(HasSubstr("expected at most 16"), HasSubstr("in use 16"), HasSubstr("--max_concurrent_calls")));
  EXPECT_GT(overload.calls.succeeded, 0);
  EXPECT_LT(peak - before, kMaxBytes / 1e6 + 64 * 1.05);  // The bounds on calls and on transport.
  const load::LevelResult after = load.Run({.concurrency = 1, .arrivals = std::nullopt}, absl::Milliseconds(200));
  EXPECT_EQ(after.calls.failed(), 0);
  EXPECT_GT(after.calls.succeeded, 0);
  const load::Histogram times = RefusalTimes(server.StopAndGetLog());
  EXPECT_GE(times.count(), refused.calls);
  std::cout << absl::StrFormat(
      "capacity %.0f calls/s; offered 3 times as many: goodput %.2f of it; %d refused, after p50 %.3f ms, p99 %.3f ms, "
      "max %.3f ms in the server; resident memory %.1f MB before, %.1f MB at its peak\n",
      capacity, Goodput(overload) / capacity, refused.calls, absl::ToDoubleMilliseconds(times.Percentile(0.5)),
      absl::ToDoubleMilliseconds(times.Percentile(0.99)), absl::ToDoubleMilliseconds(times.Maximum()), before, peak);
}

TEST(OverloadTest, CallsThatWouldComeTooLateAreRefusedAndTheRestIsInTime) {
  constexpr absl::Duration kDeadline = absl::Milliseconds(200);
  WatchedServer server({"--threads=1"});
  Load load(server.address());
  const double capacity = Goodput(load.Run({.concurrency = 8, .arrivals = std::nullopt}, absl::Seconds(1)));
  const load::ArrivalOptions arrivals = {3 * capacity, 3 * capacity, absl::ZeroDuration(), /*poisson=*/true, 1};
  Load hurried(server.address(), kDeadline);
  const load::LevelResult overload = hurried.Run({.arrivals = arrivals, .max_outstanding = 10'000}, absl::Seconds(2));
  const auto& errors = overload.calls.errors;
  const auto refused = errors.find(absl::StatusCode::kResourceExhausted);
  const auto late = errors.find(absl::StatusCode::kDeadlineExceeded);
  const int64_t late_calls = late == errors.end() ? 0 : late->second.calls;
  ASSERT_NE(refused, errors.end());
  EXPECT_THAT(refused->second.example, AllOf(HasSubstr("wait behind other calls"), HasSubstr("with a deadline in")));
  EXPECT_GT(refused->second.calls, late_calls);
  EXPECT_GT(overload.calls.succeeded, late_calls);
  EXPECT_GT(server.Metric("lossd_rejected_total{reason=\"queue\"}"), 0);
  const load::LevelResult after = load.Run({.concurrency = 1, .arrivals = std::nullopt}, absl::Milliseconds(200));
  EXPECT_EQ(after.calls.failed(), 0);
  std::cout << absl::StrFormat(
      "capacity %.0f calls/s; offered 3 times as many with deadlines of %.0f ms: goodput %.2f of it; %d refused, %d "
      "late\n",
      capacity, absl::ToDoubleMilliseconds(kDeadline), Goodput(overload) / capacity, refused->second.calls, late_calls);
}

TEST(OverloadTest, RefusalTellsLimitValueFlagAndWhenToComeBack) {
  WatchedServer server({"--threads=1", "--max_concurrent_calls=1", "--max_queue_delay=1h"});
  const auto stub = v1::LossService::NewStub(OwnChannel(server.address()));
  grpc::CompletionQueue queue;
  grpc::ClientContext waiting;
  v1::ComputeResponse response;
  grpc::Status status;
  auto first = stub->AsyncCompute(&waiting, ContrastRequest(8, 8), &queue);
  first->Finish(&response, &status, nullptr);
  server.AwaitMetric("lossd_queue_requests", 1);
  grpc::ClientContext context;
  const grpc::Status refused = stub->Compute(&context, ContrastRequest(8, 8), &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(),
              AllOf(HasSubstr("at most 1"), HasSubstr("in use 1"), HasSubstr("--max_concurrent_calls")));
  google::rpc::Status details;
  google::rpc::QuotaFailure quota;
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(details.ParseFromString(refused.error_details()));
  ASSERT_EQ(details.details_size(), 2);
  ASSERT_TRUE(details.details(0).UnpackTo(&quota));
  ASSERT_TRUE(details.details(1).UnpackTo(&retry));
  EXPECT_EQ(quota.violations(0).subject(), "--max_concurrent_calls");
  EXPECT_GT(retry.retry_delay().nanos(), 0);
  const auto pushback = context.GetServerTrailingMetadata().find("grpc-retry-pushback-ms");
  ASSERT_NE(pushback, context.GetServerTrailingMetadata().end());
  EXPECT_EQ(std::string(pushback->second.begin(), pushback->second.end()),
            std::to_string(retry.retry_delay().nanos() / 1'000'000));
  waiting.TryCancel();
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  server.AwaitMetric("lossd_rejected_total{reason=\"concurrency\"}", 1);
  EXPECT_EQ(server.process().Stop(), 0);
}

}  // namespace
}  // namespace lossd::testing
