// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/metrics.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/metrics/metrics_gauges.h"
#include "tests/support/server_process.h"

namespace lossd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsTest, SeriesExistBeforeAnythingHappens) {
  Metrics metrics;
  metrics.SetDevices({"cuda:0", "cuda:1"});
  const std::string text = metrics.Text();
  for (const char* series : {("grpc_server_started_total{grpc_method=\"Compute\",grpc_service=\"lossd.v1.LossService\","
                              "grpc_type=\"unary\"} 0"),
                             "lossd_stream_messages_total{grpc_code=\"OK\"} 0",
                             "lossd_stage_seconds_count{device=\"cuda:0\",stage=\"decode\"} 0",
                             "lossd_stage_seconds_count{device=\"cuda:0\",stage=\"queue\"} 0",
                             "lossd_stage_seconds_count{device=\"cuda:1\",stage=\"compute\"} 0",
                             "lossd_stage_seconds_count{device=\"cuda:1\",stage=\"encode\"} 0",
                             "lossd_batch_requests_count 0",
                             "lossd_request_bytes_count 0",
                             "lossd_rejected_total{reason=\"message_bytes\"} 0",
                             "lossd_rejected_total{reason=\"inflight_bytes\"} 0",
                             "lossd_rejected_total{reason=\"queue\"} 0",
                             "lossd_rejected_total{reason=\"concurrency\"} 0",
                             "lossd_rejected_total{reason=\"flops\"} 0",
                             "lossd_rejected_total{reason=\"deadline\"} 0",
                             "lossd_rejected_total{reason=\"draining\"} 0",
                             "lossd_dropped_total{reason=\"expired\"} 0",
                             "lossd_dropped_total{reason=\"cancelled\"} 0",
                             "lossd_payload_copies_total{direction=\"in\"} 0",
                             "lossd_payload_copies_total{direction=\"out\"} 0",
                             "lossd_loss_value_count{loss=\"cpc\"} 0",
                             "lossd_gradient_norm_count{loss=\"nt_xent\"} 0",
                             "lossd_nonfinite_total{loss=\"feature_map_contrastive\",where=\"gradient\"} 0"}) {
    EXPECT_THAT(text, HasSubstr(series));
  }
  EXPECT_THAT(text, HasSubstr("lossd_build_info{"));
}

TEST(MetricsTest, EventsGoToTheirSeries) {
  Metrics metrics;
  metrics.OnCallStarted(RpcMethod::kComputeStream);
  metrics.OnCallHandled(RpcMethod::kCompute, absl::StatusCode::kInvalidArgument, absl::Milliseconds(3));
  metrics.OnStreamMessage(absl::StatusCode::kInternal);
  metrics.OnStage(Stage::kQueue, 0, absl::Seconds(7));  // Of a device that nobody has named: not counted.
  metrics.SetDevices({"cuda:0", "cuda:1"});
  metrics.OnStage(Stage::kQueue, 0, absl::Seconds(1));
  metrics.OnStage(Stage::kQueue, 1, absl::Seconds(2));
  metrics.OnRequest(5000);
  metrics.OnRejected(RejectReason::kFlops);
  metrics.OnDropped(absl::StatusCode::kDeadlineExceeded);
  metrics.OnDropped(absl::StatusCode::kCancelled);
  metrics.OnDropped(absl::StatusCode::kInvalidArgument);
  metrics.OnCopiesIn(4);
  metrics.OnCopiesOut(2);
  metrics.OnNonfinite(2, NonfinitePlace::kOutput, 3);
  metrics.OnBatch(7);
  const std::string text = metrics.Text();
  for (const char* series :
       {"grpc_method=\"ComputeStream\",grpc_service=\"lossd.v1.LossService\",grpc_type=\"bidi_stream\"} 1",
        ("grpc_server_handled_total{grpc_code=\"INVALID_ARGUMENT\",grpc_method=\"Compute\","
         "grpc_service=\"lossd.v1.LossService\",grpc_type=\"unary\"} 1"),
        "lossd_stream_messages_total{grpc_code=\"INTERNAL\"} 1",
        "lossd_stage_seconds_sum{device=\"cuda:0\",stage=\"queue\"} 1",
        "lossd_stage_seconds_sum{device=\"cuda:1\",stage=\"queue\"} 2", "lossd_request_bytes_sum 5000",
        "lossd_rejected_total{reason=\"flops\"} 1", "lossd_dropped_total{reason=\"expired\"} 1",
        "lossd_dropped_total{reason=\"cancelled\"} 1", "lossd_payload_copies_total{direction=\"in\"} 4",
        "lossd_payload_copies_total{direction=\"out\"} 2", "lossd_nonfinite_total{loss=\"nt_xent\",where=\"output\"} 3",
        "lossd_batch_requests_sum 7"}) {
    EXPECT_THAT(text, HasSubstr(series));
  }
}

TEST(MetricsTest, ValuesThatAreNotFiniteStayOutOfHistograms) {
  Metrics metrics;
  metrics.OnResult(0, std::nan(""), INFINITY);
  metrics.OnResult(0, -2.5, 0);
  EXPECT_THAT(metrics.Text(), HasSubstr("lossd_loss_value_sum{loss=\"feature_map_contrastive\"} -2.5"));
  EXPECT_THAT(metrics.Text(), HasSubstr("lossd_gradient_norm_count{loss=\"feature_map_contrastive\"} 1"));
}

TEST(MetricsTest, CollectablesAreReadAtEachScrapeWhileTheyLive) {
  Metrics metrics;
  double value = 1;
  auto gauge = std::make_shared<ScrapedValues>(
      std::vector<ScrapedValue>{{"test_value", "A test.", prometheus::MetricType::Gauge, [&] { return value; }}});
  metrics.Add(gauge);
  EXPECT_THAT(metrics.Text(), HasSubstr("test_value 1"));
  value = 2;
  EXPECT_THAT(metrics.Text(), HasSubstr("test_value 2"));
  gauge.reset();
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("test_value")));
}

}  // namespace
}  // namespace lossd
