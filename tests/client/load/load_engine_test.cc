// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_engine.h"

#include <atomic>
#include <thread>

#include "client/cpp/grpc_status.h"
#include "client/load/pacer.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/client/load/held_calls.h"
#include "tests/client/load/load_fixture.h"
#include "tests/support/simulated_clock.h"

namespace lossd::load {
namespace {

using ::lossd::testing::StatusIs;

// An engine on a server whose calls the test can hold back.
class LoadEngineTest : public ::testing::Test {
 protected:
  struct Gate {
    absl::Mutex mu;
    int arrived = 0;
    int64_t open = 0;  // So many calls may be answered.
  };

  LoadEngineTest() {
    server_.service.on_compute = [gate = gate_](grpc::ServerContext*, const v1::ComputeRequest& request,
                                                v1::ComputeResponse* response) {
      {
        absl::MutexLock lock(&gate->mu);
        const int number = gate->arrived++;
        const auto may_pass = [&] { return number < gate->open; };
        gate->mu.Await(absl::Condition(&may_pass));
      }
      return client::AnswerSquaredNorm(request, response);
    };
  }
  ~LoadEngineTest() override { Open(); }

  std::unique_ptr<LoadEngine> Connect(int connections = 1) {
    EngineOptions options;
    options.target = server_.target();
    options.client.channels = connections;
    options.threads = connections;
    auto engine = LoadEngine::Connect(options, context_);
    EXPECT_OK(engine.status());
    return *std::move(engine);
  }
  void AwaitArrivals(int calls) {
    absl::MutexLock lock(&gate_->mu);
    const auto enough = [&] { return gate_->arrived >= calls; };
    gate_->mu.Await(absl::Condition(&enough));
  }
  void Open() {
    absl::MutexLock lock(&gate_->mu);
    gate_->open = int64_t{1} << 40;
  }

  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  client::FakeServer server_;
  testing::SimulatedClock clock_{RealClock().TimeNow()};
  const LoadRequest request_ = SmallEncodedRequest();
  const CallContext context_{request_, clock_, absl::InfiniteDuration(), ""};
};

TEST_F(LoadEngineTest, AClosedLoopKeepsSoManyCallsGoing) {
  const auto engine = Connect(2);
  engine->KeepOutstanding(3);
  AwaitArrivals(3);
  EXPECT_EQ(engine->TakeRecording().succeeded, 0);
  Open();
  AwaitArrivals(20);
  engine->Quiesce();
  const Recording recording = engine->TakeRecording();
  EXPECT_GE(recording.succeeded, 20);
  EXPECT_EQ(recording.failed(), 0);
  EXPECT_EQ(engine->TakeRecording().succeeded, 0);
}

TEST_F(LoadEngineTest, ArrivalsThatFindNoRoomAreRefused) {
  const auto engine = Connect();
  EXPECT_TRUE(engine->TryStart(clock_.TimeNow(), 2));
  EXPECT_TRUE(engine->TryStart(clock_.TimeNow(), 2));
  EXPECT_FALSE(engine->TryStart(clock_.TimeNow(), 2));
  Open();
  engine->Quiesce();
  EXPECT_EQ(engine->TakeRecording().succeeded, 2);
}

// The first of ten calls, due a millisecond apart, takes 9 ms; one at a time may be under way. Counted from when they
// were due, all of them waited for it: the last nine for 8, 7, ..., 0 ms. Counted from when they started, only the
// first did, and a generator that measures that would call this server fast.
TEST_F(LoadEngineTest, LatencyFromTheIntendedStartContainsAStallThatServiceTimeHides) {
  const auto engine = Connect();
  const absl::Time begin = clock_.TimeNow();
  ArrivalSchedule schedule({1000, 1000});
  StopSignal never;
  std::thread pacing([&] {
    Pace(schedule, begin, begin + absl::Microseconds(10500), clock_, never, [&](absl::Time intended) {
      engine->StartWhenRoom(intended, 1);
      return true;
    });
  });
  clock_.WaitUntilWaiting(1);
  clock_.AdvanceTime(absl::Milliseconds(1));
  AwaitArrivals(1);
  clock_.WaitUntilWaiting(1);
  clock_.AdvanceTime(absl::Milliseconds(9));
  Open();
  pacing.join();
  engine->Quiesce();
  const Recording recording = engine->TakeRecording();
  ASSERT_EQ(recording.succeeded, 10);
  EXPECT_NEAR(absl::ToDoubleMilliseconds(recording.latency.Mean()), 4.5, 0.01);
  EXPECT_NEAR(absl::ToDoubleMilliseconds(recording.latency.Percentile(0.5)), 4, 0.01);
  EXPECT_NEAR(absl::ToDoubleMilliseconds(recording.service.Mean()), 0.9, 0.01);
  EXPECT_NEAR(absl::ToDoubleMilliseconds(recording.service.Percentile(0.9)), 0, 0.01);
}

TEST_F(LoadEngineTest, StartsThatAreLateWithoutNeedAreOnThisClient) {
  const auto engine = Connect();
  Open();
  engine->StartWhenRoom(clock_.TimeNow() - absl::Milliseconds(2), 1);
  engine->Quiesce();
  const Recording recording = engine->TakeRecording();
  EXPECT_EQ(recording.lag.count(), 1);
  EXPECT_EQ(recording.lag.Maximum(), absl::Milliseconds(2));
}

TEST_F(LoadEngineTest, SaysWhereThereIsNoServer) {
  EngineOptions options;
  options.target = "127.0.0.1:1";
  options.client.connect_timeout = absl::Milliseconds(50);
  EXPECT_THAT(LoadEngine::Connect(options, context_).status(),
              StatusIs(absl::StatusCode::kUnavailable, ::testing::HasSubstr("127.0.0.1:1")));
}

TEST_F(LoadEngineTest, AStopEndsConnectingAndStarting) {
  StopSignal stop;
  CallContext context = context_;
  context.stop = &stop;
  EngineOptions options;
  options.target = "127.0.0.1:1";
  options.client.connect_timeout = absl::Hours(1);
  stop.Trigger();
  EXPECT_THAT(LoadEngine::Connect(options, context).status(), StatusIs(absl::StatusCode::kCancelled, ::testing::_));
  HeldCalls held(clock_);
  std::vector<std::unique_ptr<Caller>> callers;
  callers.push_back(std::make_unique<HeldCaller>(held));
  LoadEngine::Over(std::move(callers), context)->KeepOutstanding(int64_t{1} << 40);
}

TEST_F(LoadEngineTest, AnswersAfterTheDeadlineAreLate) {
  CallContext context = context_;
  context.timeout = absl::Seconds(2);
  HeldCalls held(clock_);
  std::vector<std::unique_ptr<Caller>> callers;
  callers.push_back(std::make_unique<HeldCaller>(held));
  const auto engine = LoadEngine::Over(std::move(callers), context);
  engine->TryStart(clock_.TimeNow(), 2);
  clock_.AdvanceTime(absl::Seconds(1));
  engine->TryStart(clock_.TimeNow(), 2);
  clock_.AdvanceTime(absl::Milliseconds(1001));
  held.End(2);
  const Recording recording = engine->TakeRecording();
  EXPECT_EQ(recording.succeeded, 1);
  EXPECT_EQ(recording.answers.count(), 1);
  EXPECT_EQ(recording.errors.at(absl::StatusCode::kDeadlineExceeded).example, "answered after the deadline of 2s");
}

TEST_F(LoadEngineTest, ThreadsTellTheirTime) {
  const auto engine = Connect(3);
  const auto times = engine->ThreadTimes();
  EXPECT_EQ(times.size(), 3u);
  for (const absl::Duration time : times) EXPECT_GT(time, absl::ZeroDuration());
}

absl::Status FullFor(absl::Duration delay) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(delay)));
  google::rpc::Status message;
  message.set_code(static_cast<int>(absl::StatusCode::kResourceExhausted));
  message.add_details()->PackFrom(retry);
  return client::ToAbslStatus(message);
}

class RefusedCallsTest : public LoadEngineTest {
 protected:
  std::unique_ptr<LoadEngine> Engine() {
    std::vector<std::unique_ptr<Caller>> callers;
    callers.push_back(std::make_unique<HeldCaller>(held_));
    return LoadEngine::Over(std::move(callers), context_);
  }
  HeldCalls held_{clock_};
};

TEST_F(RefusedCallsTest, AClosedLoopWaitsAsLongAsTheServerSays) {
  const auto engine = Engine();
  engine->KeepOutstanding(1, 2);
  held_.End(1, FullFor(absl::Milliseconds(100)));
  clock_.WaitUntilWaiting(1);  // The one that pauses.
  clock_.AdvanceTime(absl::Milliseconds(99));
  EXPECT_EQ(held_.started(), 1);
  clock_.AdvanceTime(absl::Milliseconds(22));  // A fifth more at most.
  held_.AwaitStarted(2);
  held_.End(1);
  engine->Quiesce();
  const Recording recording = engine->TakeRecording();
  EXPECT_EQ(recording.succeeded, 1);
  EXPECT_EQ(recording.failed(), 1);
  EXPECT_EQ(recording.latency.Maximum(), absl::ZeroDuration()) << "the pause is no call's";
}

TEST_F(RefusedCallsTest, APauseDoesNotHoldUpTheEnd) {
  const auto engine = Engine();
  engine->KeepOutstanding(1);
  held_.End(1, FullFor(absl::Milliseconds(900)));
  clock_.WaitUntilWaiting(1);
  engine->Quiesce();
  EXPECT_EQ(held_.started(), 1);
}

TEST_F(RefusedCallsTest, OtherFailuresAreFollowedAtOnce) {
  const auto engine = Engine();
  engine->KeepOutstanding(1, 3);
  held_.End(1, absl::ResourceExhaustedError("too large, and will be"));
  held_.End(1, absl::InternalError(""));
  held_.End(1);
  engine->Quiesce();
  EXPECT_EQ(held_.started(), 3);
}

}  // namespace
}  // namespace lossd::load
