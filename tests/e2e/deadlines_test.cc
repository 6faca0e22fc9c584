// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Calls that are too late or no longer wanted, against the real binary: they leave the queue and are never computed.
// Times are printed, not asserted.

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "client/load/histogram.h"
#include "core/scheduling/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/watched_server.h"

namespace lossd::testing {
namespace {

constexpr char kComputed[] = "lossd_stage_seconds_count{device=\"cpu\",stage=\"compute\"}";
constexpr char kExpired[] = "lossd_dropped_total{reason=\"expired\"}";
constexpr char kCancelled[] = "lossd_dropped_total{reason=\"cancelled\"}";
constexpr char kTooLate[] = "lossd_rejected_total{reason=\"deadline\"}";

// Calls in progress that a test may cancel.
class Calls {
 public:
  explicit Calls(const std::string& address) : stub_(v1::LossService::NewStub(OwnChannel(address))) {}
  ~Calls() {
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  // `deadline`: of the call, as gRPC has it.
  void Start(const v1::ComputeRequest& request, absl::Time deadline = absl::InfiniteFuture()) {
    calls_.push_back(std::make_unique<Call>());
    Call& call = *calls_.back();
    call.context.set_deadline(absl::ToChronoTime(deadline));
    call.reader = stub_->AsyncCompute(&call.context, request, &queue_);
    call.reader->Finish(&call.response, &call.status, &call);
  }
  void CancelAll() {
    for (const auto& call : calls_) call->context.TryCancel();
  }
  // Waits for as many more calls to end; the code of each.
  std::vector<grpc::StatusCode> Await(size_t calls) {
    std::vector<grpc::StatusCode> codes;
    void* tag = nullptr;
    bool ok = false;
    while (codes.size() < calls && queue_.Next(&tag, &ok))
      codes.push_back(static_cast<Call*>(tag)->status.error_code());
    return codes;
  }

 private:
  struct Call {
    grpc::ClientContext context;
    v1::ComputeResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::ComputeResponse>> reader;
  };

  const std::unique_ptr<v1::LossService::Stub> stub_;
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<Call>> calls_;
};

v1::ComputeRequest WithTimeout(v1::ComputeRequest request, absl::Duration timeout) {
  request.mutable_options()->mutable_timeout()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(timeout)));
  return request;
}

void Print(const std::string& what, const load::Histogram& lateness) {
  std::cout << absl::StrFormat("%s: p50 %.3f ms, p99 %.3f ms, max %.3f ms over %d calls\n", what,
                               absl::ToDoubleMilliseconds(lateness.Percentile(0.5)),
                               absl::ToDoubleMilliseconds(lateness.Percentile(0.99)),
                               absl::ToDoubleMilliseconds(lateness.Maximum()), lateness.count());
}

// How long a call was in the queue that it left late, by the text of its error.
std::optional<absl::Duration> TimeInQueue(absl::string_view error) {
  absl::Duration time;
  const bool told = absl::ConsumePrefix(&error, "deadline exceeded after ") &&
                    absl::ConsumeSuffix(&error, " in the queue") && absl::ParseDuration(error, &time);
  return told ? std::optional(time) : std::nullopt;
}

// How much later than `timeout` after their arrival calls of that request_id that were too late left the queue, and
// their answers left the server, by the access log.
void PrintLateness(const std::string& what, const std::string& log, const std::string& request_id,
                   absl::Duration timeout) {
  load::Histogram left, answered;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const auto fields = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (fields.is_discarded() || fields.value("code", "") != "DEADLINE_EXCEEDED") continue;
    if (fields.value("request_id", "") != request_id) continue;
    answered.Add(absl::Seconds(fields.value("seconds", 0.0)) - timeout);
    const auto in_queue = TimeInQueue(fields.value("error", ""));
    if (in_queue.has_value()) left.Add(absl::Seconds(fields.value("decode_seconds", 0.0)) + *in_queue - timeout);
  }
  if (left.count() > 0) Print(what + ", left the queue", left);
  Print(what + ", answered", answered);
}

TEST(DeadlinesTest, CancelledCallsLeaveTheQueueAndAreNeverComputed) {
  constexpr size_t kCalls = 50;
  // An idle worker leaves the calls where they are, because they wait for company.
  WatchedServer server({"--threads=1", "--max_queue_delay=1h", "--max_batch_requests=1000"});
  Calls calls(server.address());
  for (size_t i = 0; i < kCalls; ++i) calls.Start(ContrastRequest(8, 8));
  server.AwaitMetric("lossd_queue_requests", kCalls);
  calls.CancelAll();
  EXPECT_THAT(calls.Await(kCalls), ::testing::Each(grpc::StatusCode::CANCELLED));
  server.AwaitMetric("lossd_queue_requests", 0);
  server.AwaitMetric(kCancelled, kCalls);
  server.AwaitMetric("lossd_inflight_bytes", 0);
  EXPECT_EQ(server.Metric(kComputed), 0);
  EXPECT_EQ(server.process().Stop(), 0);
}

TEST(DeadlinesTest, ExpiredCallsLeaveTheQueueWhileTheWorkersAreBusyAndAreNeverComputed) {
  constexpr size_t kCalls = 50;
  constexpr absl::Duration kTimeout = absl::Milliseconds(20);
  WatchedServer server({"--threads=1"});
  // About a second of one processor. In a thread, because a message of megabytes leaves only while its queue is polled.
  std::thread blocker([&server] {
    grpc::ClientContext context;
    v1::ComputeResponse response;
    const auto stub = v1::LossService::NewStub(OwnChannel(server.address()));
    EXPECT_TRUE(stub->Compute(&context, ContrastRequest(4096, 64), &response).ok());
  });
  server.AwaitMetric("lossd_payload_copies_total{direction=\"in\"}", 2);
  Calls calls(server.address());
  v1::ComputeRequest request = ContrastRequest(8, 8);
  request.set_request_id("timeout");
  for (size_t i = 0; i < kCalls; ++i) calls.Start(WithTimeout(request, kTimeout));
  EXPECT_THAT(calls.Await(kCalls), ::testing::Each(grpc::StatusCode::DEADLINE_EXCEEDED));
  request.set_request_id("deadline");
  for (size_t i = 0; i < kCalls; ++i) calls.Start(request, RealClock().TimeNow() + kTimeout);
  EXPECT_THAT(calls.Await(kCalls), ::testing::Each(grpc::StatusCode::DEADLINE_EXCEEDED));
  EXPECT_EQ(server.Metric(kComputed), 0);  // The blocker goes on: nothing waited for it.
  blocker.join();
  server.AwaitMetric(kComputed, 1);
  EXPECT_GT(server.Metric(kExpired), 0);  // Calls are counted after their answers, but before those that end later.
  const std::string log = server.StopAndGetLog();
  PrintLateness("after options.timeout", log, "timeout", kTimeout);
  // What the client's and the wire's milliseconds add; most end before, when the client gives up and says so.
  PrintLateness("after the call's deadline", log, "deadline", kTimeout);
}

TEST(DeadlinesTest, DeadlineBelowTheEstimatedTimeIsRefusedAtOnce) {
  constexpr int kRuns = 20;  // That make an estimate.
  WatchedServer server({"--threads=1"});
  const auto stub = v1::LossService::NewStub(OwnChannel(server.address()));
  const v1::ComputeRequest request = ContrastRequest(1024, 64);
  absl::Duration shortest = absl::InfiniteDuration();
  for (int i = 0; i < kRuns; ++i) {
    grpc::ClientContext context;
    v1::ComputeResponse response;
    v1::ComputeRequest timed = request;
    timed.mutable_options()->set_timing(true);
    ASSERT_TRUE(stub->Compute(&context, timed, &response).ok());
    const auto& compute = response.timing().compute();
    shortest = std::min(shortest, absl::Seconds(compute.seconds()) + absl::Nanoseconds(compute.nanos()));
  }
  server.AwaitMetric(kComputed, kRuns);
  for (int i = 0; i < kRuns; ++i) {
    grpc::ClientContext context;
    v1::ComputeResponse response;
    const grpc::Status status = stub->Compute(&context, WithTimeout(request, shortest * 0.9), &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << status.error_message();
  }
  EXPECT_GT(server.Metric(kTooLate), 0);  // On a busy machine some are over before they get there.
  EXPECT_EQ(server.Metric(kComputed), kRuns);
  PrintLateness(absl::StrFormat("refused (estimate %.1f ms) after", absl::ToDoubleMilliseconds(shortest)),
                server.StopAndGetLog(), "", absl::ZeroDuration());
}

}  // namespace
}  // namespace lossd::testing
