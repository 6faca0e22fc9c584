// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_run.h"

#include <signal.h>

#include <atomic>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/load/load_fixture.h"
#include "tests/support/server_process.h"

namespace lossd::load {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

LoadReport ReportOf(const LoadPlan& plan, StopSignal* stop = nullptr,
                    const std::function<void(const Level&, const Window&)>& progress = {}) {
  StopSignal never;
  const auto report = RunLoad(plan, stop == nullptr ? never : *stop, progress);
  EXPECT_OK(report.status());
  return report.ok() ? *report : LoadReport{};
}

TEST(LoadRunTest, MeasuresEveryLevelAndSaysHow) {
  client::FakeServer server;
  server.service.info.set_version("1.2.3");
  const LoadReport report = ReportOf(SmallPlan(server.target(), {1, 3}));
  ASSERT_EQ(report.levels.size(), 2u);
  EXPECT_EQ(report.levels[1].name, "concurrency 3");
  EXPECT_GT(report.levels[0].succeeded, 0);
  EXPECT_EQ(report.levels[0].missed, "");
  EXPECT_FALSE(report.interrupted);
  EXPECT_EQ(report.setup.at("server_version"), "1.2.3");
  EXPECT_EQ(report.setup.at("request_bytes"), report.request_bytes);
}

TEST(LoadRunTest, CountsWrongAnswers) {
  client::FakeServer server;
  server.service.on_compute = [](grpc::ServerContext*, const v1::ComputeRequest& request,
                                 v1::ComputeResponse* response) {
    client::AnswerSquaredNorm(request, response);
    response->mutable_gradients(0)->mutable_data()->at(0) ^= 1;
    return grpc::Status::OK;
  };
  LoadPlan plan = SmallPlan(server.target());
  plan.verify_every = 1;
  const LoadReport report = ReportOf(plan);
  EXPECT_GT(report.levels.at(0).checked, 0);
  EXPECT_EQ(report.levels.at(0).different, report.levels.at(0).checked);
}

TEST(LoadRunTest, AStopEndsItWithWhatWasMeasured) {
  client::FakeServer server;
  LoadPlan plan = SmallPlan(server.target(), {1, 2, 4});
  plan.measure.duration = absl::Hours(1);
  StopSignal stop;
  int windows = 0;
  const LoadReport report = ReportOf(plan, &stop, [&](const Level&, const Window&) {
    if (++windows == 2) stop.Trigger();
  });
  EXPECT_TRUE(report.interrupted);
  ASSERT_EQ(report.levels.size(), 1u);
  EXPECT_TRUE(report.levels[0].interrupted);
  EXPECT_EQ(report.levels[0].windows.size(), 2u);
}

// A server that never answers, and calls without a deadline.
TEST(LoadRunTest, AStopCancelsWhatIsOutstanding) {
  const auto never = std::make_shared<absl::Notification>();
  client::FakeServer server;
  server.service.on_compute = [never](grpc::ServerContext* context, const v1::ComputeRequest&, v1::ComputeResponse*) {
    const bool is_load = context->client_metadata().count("x-load") > 0;  // Else the one before it.
    if (is_load) never->WaitForNotification();
    return grpc::Status::OK;
  };
  server.service.on_stream = [never](client::FakeLossService::Stream*) {
    never->WaitForNotification();
    return grpc::Status::OK;
  };
  for (const bool stream : {false, true}) {
    for (const bool open : {false, true}) {
      LoadPlan plan = SmallPlan(server.target(), {3});
      plan.engine.stream = stream;
      plan.metadata = {{"x-load", "1"}};
      plan.measure.duration = absl::Hours(1);
      if (open) {
        plan.levels[0].arrivals = ArrivalOptions{10'000, 10'000};
        plan.levels[0].max_outstanding = 3;
        plan.levels[0].wait_for_room = true;
      }
      StopSignal stop;
      int windows = 0;
      const LoadReport report = ReportOf(plan, &stop, [&](const Level&, const Window&) {
        if (++windows == 2) stop.Trigger();
      });
      ASSERT_EQ(report.levels.size(), 1u);
      EXPECT_GE(report.levels[0].withdrawn, 3) << stream << open;
      EXPECT_EQ(report.levels[0].failed, 0) << stream << open;
    }
  }
  never->Notify();
}

TEST(LoadRunTest, AStopDuringTheWarmUpLeavesNoLevel) {
  StopSignal stop;
  client::FakeServer server;
  server.service.on_compute = [&, calls = std::make_shared<std::atomic<int>>(0)](grpc::ServerContext*,
                                                                                 const v1::ComputeRequest& request,
                                                                                 v1::ComputeResponse* response) {
    if (++*calls == 2) stop.Trigger();  // The first is made before the load.
    return client::AnswerSquaredNorm(request, response);
  };
  LoadPlan plan = SmallPlan(server.target());
  plan.measure.warmup = absl::Hours(1);
  const LoadReport report = ReportOf(plan, &stop);
  EXPECT_TRUE(report.interrupted);
  EXPECT_THAT(report.levels, ::testing::IsEmpty());
}

TEST(LoadRunTest, ASearchTellsWhatMetAndWhatMissed) {
  client::FakeServer server;
  LoadPlan plan = SmallPlan(server.target());
  plan.search = SearchRange{1, 4, 0.05, true};
  plan.objectives.latency[0.99] = absl::Hours(1);
  EXPECT_EQ(ReportOf(plan).highest, 4);
  plan.objectives.latency[0.99] = absl::Nanoseconds(1);
  const LoadReport report = ReportOf(plan);
  EXPECT_FALSE(report.highest.has_value());
  EXPECT_THAT(report.levels.at(0).missed, HasSubstr("expected at most 1ns"));
}

TEST(LoadRunTest, ASearchThatIsInterruptedKeepsTheBestSoFar) {
  client::FakeServer server;
  LoadPlan plan = SmallPlan(server.target());
  plan.search = SearchRange{1, 8, 0.05, true};
  plan.objectives.latency[0.99] = absl::Hours(1);
  StopSignal stop;
  const LoadReport report = ReportOf(plan, &stop, [&](const Level& level, const Window&) {
    if (level.concurrency == 4) stop.Trigger();
  });
  EXPECT_TRUE(report.interrupted);
  EXPECT_EQ(report.highest, 2);
}

TEST(LoadRunTest, ChaosIsCountedApart) {
  client::FakeServer server;
  LoadPlan plan = SmallPlan(server.target(), {4});
  plan.chaos = ChaosKind::kShortDeadline;
  const LoadReport report = ReportOf(plan);
  const LevelFigures& level = report.levels.at(0);
  EXPECT_GT(level.disturbances, 0);
  EXPECT_LE(level.provoked, level.failed);
  EXPECT_EQ(level.error_rate, 0) << "of calls that chaos did not make fail";
  EXPECT_THAT(report.chaos_deeds, HasSubstr("short deadline"));
}

TEST(LoadRunTest, AServerThatIsIllAfterChaosIsReported) {
  client::FakeServer server;
  server.service.on_compute = [](grpc::ServerContext*, const v1::ComputeRequest&, v1::ComputeResponse*) {
    return grpc::Status(grpc::StatusCode::INTERNAL, "broken");
  };
  LoadPlan plan = SmallPlan(server.target());
  plan.chaos = ChaosKind::kDisconnect;
  const LoadReport report = ReportOf(plan);
  EXPECT_EQ(report.ill, "INTERNAL: broken");
  EXPECT_EQ(report.levels.size(), 1u);
}

TEST(LoadRunTest, AServerWhoseMetricsEndKeepsItsReport) {
  auto server = testing::ServerProcess::Start();
  ASSERT_OK(server);
  LoadPlan plan = SmallPlan((*server)->address());
  plan.metrics_url = "http://" + (*server)->http_address() + "/metrics";
  plan.levels.emplace_back();
  StopSignal stop;
  const LoadReport report = ReportOf(plan, &stop, [&](const Level&, const Window&) {
    (*server)->process().Signal(SIGKILL);
    (*server)->process().Wait();
  });
  ASSERT_EQ(report.levels.size(), 2u);
  EXPECT_THAT(report.levels[0].metrics_error, HasSubstr("127.0.0.1"));
  EXPECT_THAT(report.levels[0].Doubts(), ::testing::Contains(HasSubstr("the server's metrics were not read")));
  EXPECT_NE(report.levels[1].missed, "");
}

TEST(LoadRunTest, MetricsOfAnotherServerAreRefused) {
  auto server = testing::ServerProcess::Start();
  ASSERT_OK(server);
  LoadPlan plan = SmallPlan((*server)->address());
  plan.metrics_url = "http://" + (*server)->http_address() + "/healthz";  // Is well, and has no series.
  StopSignal stop;
  EXPECT_THAT(RunLoad(plan, stop, [](const Level&, const Window&) {}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("/healthz: expected metrics of lossd")));
}

TEST(LoadRunTest, ALevelEndsOnceItsConnectionsAreLost) {
  auto server = testing::ServerProcess::Start();
  ASSERT_OK(server);
  LoadPlan plan = SmallPlan((*server)->address(), {2});
  plan.measure.duration = absl::Hours(1);
  StopSignal stop;
  const LoadReport report = ReportOf(plan, &stop, [&](const Level&, const Window&) {
    (*server)->process().Signal(SIGKILL);
    (*server)->process().Wait();
  });
  ASSERT_EQ(report.levels.size(), 1u);
  EXPECT_TRUE(report.levels[0].lost);
  EXPECT_FALSE(report.interrupted);
  EXPECT_THAT(report.levels[0].Doubts(), ::testing::Contains(HasSubstr("all connections were down")));
}

TEST(LoadRunTest, ARequestThatIsWrongForEverIsSentOnce) {
  client::FakeServer server;
  std::atomic<int> calls = 0;
  server.service.on_compute = [&](grpc::ServerContext*, const v1::ComputeRequest&, v1::ComputeResponse*) {
    ++calls;
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "inputs: wrong");
  };
  StopSignal stop;
  EXPECT_THAT(RunLoad(SmallPlan(server.target()), stop, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("inputs: wrong")));
  EXPECT_EQ(calls, 1);
}

TEST(LoadRunTest, ObjectivesAreMissedWithTheirFigures) {
  LevelFigures level;
  level.latency.percentiles.assign(std::size(kShares), 25);
  level.succeeded = 90;
  EXPECT_EQ(Missed(level, {}), "");
  const Objectives quick = {{{0.99, absl::Milliseconds(20)}}, 0}, slow = {{{0.99, absl::Milliseconds(25)}}, 0};
  EXPECT_EQ(Missed(level, slow), "");
  EXPECT_EQ(Missed(level, quick), "p99 25.000 ms (the maximum: fewer than 100 calls), expected at most 20ms");
  level.latency.samples = 100;
  EXPECT_EQ(Missed(level, quick), "p99 25.000 ms, expected at most 20ms");
  EXPECT_EQ(Missed(level, {{{0.5, absl::Milliseconds(1)}, {0.99, absl::Hours(1)}}, 0}),
            "p50 25.000 ms, expected at most 1ms");
  level.error_rate = 0.1;
  EXPECT_THAT(Missed(level, {}), HasSubstr("error rate 10 %, expected at most 0.1 %"));
  level.error_rate = 0;
  level.succeeded = 0;
  EXPECT_EQ(Missed(level, {}), "no call succeeded");
  level.checked = 9;
  level.different = 2;
  EXPECT_EQ(Missed(level, {}), "2 of 9 answers differ from a local computation");
}

}  // namespace
}  // namespace lossd::load
