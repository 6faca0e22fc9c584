// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/call_reporter.h"

#include "core/status/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/simulated_clock.h"

namespace lossd {
namespace {

using ::lossd::testing::SimulatedClock;
using ::testing::HasSubstr;

class CallReporterTest : public ::testing::Test {
 protected:
  // What was logged; ends the logger.
  std::vector<nlohmann::json> Lines() {
    logger_.reset();
    std::vector<nlohmann::json> lines;
    std::istringstream stream(written_);
    for (std::string line; std::getline(stream, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }

  CallRecord Record() {
    CallRecord record;
    record.peer = "ipv4:1.2.3.4:5";
    record.request_id = "id";
    record.arrival = clock_.TimeNow();
    record.loss = 3;
    record.request_bytes = 264;
    record.accepted = true;
    return record;
  }

  void OnAnswered(const CallRecord& record) {
    reporter_.OnAnswered(std::make_unique<CallRecord>(record), clock_.TimeNow());
  }

  SimulatedClock clock_{absl::UnixEpoch()};
  Metrics metrics_;
  std::string written_;
  std::unique_ptr<Logger> logger_ = std::make_unique<Logger>(
      LogLevel::kInfo, LogFormat::kJson, [this](absl::string_view lines) { written_ += std::string(lines); }, clock_);
  CallReporter reporter_{metrics_, *logger_};
};

TEST_F(CallReporterTest, SuccessIsOneLineWithItsStages) {
  CallRecord record = Record();
  record.decode = absl::Milliseconds(1);
  record.compute = absl::Milliseconds(2);
  record.batch_requests = 4;
  record.device = 1;
  metrics_.SetDevices({"cuda:0", "cuda:1"});
  clock_.AdvanceTime(absl::Milliseconds(5));
  OnAnswered(record);
  const auto lines = Lines();
  ASSERT_EQ(lines.size(), 1);
  EXPECT_EQ(lines[0]["message"], "call");
  EXPECT_EQ(lines[0]["code"], "OK");
  EXPECT_EQ(lines[0]["loss"], "squared_norm");
  EXPECT_EQ(lines[0]["peer"], "ipv4:1.2.3.4:5");
  EXPECT_EQ(lines[0]["seconds"], 0.005);
  EXPECT_EQ(lines[0]["compute_seconds"], 0.002);
  EXPECT_EQ(lines[0]["batch_requests"], 4);
  EXPECT_FALSE(lines[0].contains("queue_seconds"));
  EXPECT_THAT(metrics_.Text(), HasSubstr("lossd_stage_seconds_sum{device=\"cuda:1\",stage=\"compute\"} 0.002"));
}

TEST_F(CallReporterTest, RefusalCountsUnderItsReasonOnly) {
  CallRecord record = Record();
  record.status =
      Rejected(absl::StatusCode::kDeadlineExceeded, {RejectReason::kDeadline, "", "too late", std::nullopt});
  OnAnswered(record);
  EXPECT_THAT(metrics_.Text(), HasSubstr("lossd_rejected_total{reason=\"deadline\"} 1"));
  EXPECT_THAT(metrics_.Text(), HasSubstr("lossd_dropped_total{reason=\"expired\"} 0"));
}

TEST_F(CallReporterTest, OnlyMessagesOfStreamsCountAsThose) {
  CallRecord record = Record();
  record.status = absl::InternalError("oops");
  OnAnswered(record);
  EXPECT_THAT(metrics_.Text(), HasSubstr("lossd_stream_messages_total{grpc_code=\"INTERNAL\"} 0"));
  record.method = RpcMethod::kComputeStream;
  OnAnswered(record);
  EXPECT_THAT(metrics_.Text(), HasSubstr("lossd_stream_messages_total{grpc_code=\"INTERNAL\"} 1"));
}

TEST_F(CallReporterTest, ComputationGivenUpCountsAsDropped) {
  CallRecord record = Record();
  record.status = absl::CancelledError("gone");
  OnAnswered(record);
  record.accepted = false;
  OnAnswered(record);
  EXPECT_THAT(metrics_.Text(), HasSubstr("lossd_dropped_total{reason=\"cancelled\"} 1"));
}

TEST_F(CallReporterTest, InternalErrorsAreLoggedAsErrorsButNotWithoutBound) {
  CallRecord record = Record();
  record.status = absl::InternalError("a bug");
  for (int i = 0; i < 100; ++i) OnAnswered(record);
  clock_.AdvanceTime(absl::Minutes(1));
  OnAnswered(record);
  int errors = 0;
  nlohmann::json last;
  for (const auto& line : Lines()) {
    if (line["level"] != "error") continue;
    ++errors;
    last = line;
  }
  EXPECT_EQ(errors, 21);
  EXPECT_EQ(last["held_back"], 80);
  EXPECT_EQ(last["request_id"], "id");
}

TEST_F(CallReporterTest, EndOfACallIsCountedWithItsTime) {
  reporter_.OnCallEnded(RpcMethod::kComputeStream, absl::StatusCode::kUnavailable, absl::Seconds(2));
  EXPECT_THAT(metrics_.Text(),
              HasSubstr("grpc_server_handled_total{grpc_code=\"UNAVAILABLE\",grpc_method=\"ComputeStream\""));
  EXPECT_THAT(metrics_.Text(), HasSubstr("grpc_server_handling_seconds_sum{grpc_method=\"ComputeStream\","
                                         "grpc_service=\"lossd.v1.LossService\",grpc_type=\"bidi_stream\"} 2"));
}

}  // namespace
}  // namespace lossd
