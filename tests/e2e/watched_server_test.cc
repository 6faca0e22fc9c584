// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/e2e/watched_server.h"

#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"

namespace lossd::testing {
namespace {

TEST(WatchedServerTest, SeriesThatIsNotThereFails) {
  const WatchedServer server({});
  EXPECT_EQ(server.Metric("lossd_rejected_total{reason=\"queue\"}"), 0);
  EXPECT_NONFATAL_FAILURE(server.Metric("lossd_rejected_total{reason=\"quue\"}"), "reason=\"quue\"");
  EXPECT_NONFATAL_FAILURE(server.Metric("lossd_queue_request"), "expected a series lossd_queue_request ");
}

TEST(WatchedServerTest, AwaitedSeriesHasToBeThere) {
  const WatchedServer server({});
  server.AwaitMetric("lossd_queue_requests", 0);
  EXPECT_NONFATAL_FAILURE(server.AwaitMetric("lossd_queue_request", 0, absl::ZeroDuration()), "lossd_queue_request");
}

TEST(WatchedServerTest, MemoryOfAProcessThatHasEndedIsUnknown) {
  WatchedServer server({});
  EXPECT_GT(server.PeakMegabytes(), 1);
  EXPECT_GT(server.Megabytes(), 1);
  server.ForgetPeak();
  server.StopAndGetLog();
  EXPECT_NONFATAL_FAILURE(EXPECT_FALSE(server.PeakMegabytes() < 1e9), "expected VmHWM");
  EXPECT_NONFATAL_FAILURE(EXPECT_FALSE(server.Megabytes() < 1e9), "expected VmRSS");
  EXPECT_NONFATAL_FAILURE(server.ForgetPeak(), "cannot reset the peak");
}

}  // namespace
}  // namespace lossd::testing
