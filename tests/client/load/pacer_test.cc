// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/pacer.h"

#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "client/load/recording.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/simulated_clock.h"

namespace lossd::load {
namespace {

using ::testing::ElementsAre;

StopSignal never;

// A clock that is at once where somebody waits for it to be.
class LeapingClock : public Clock {
 public:
  absl::Time TimeNow() override { return now; }
  bool AwaitWithDeadline(absl::Mutex*, const absl::Condition&, absl::Time deadline) override {
    now = std::max(now, deadline);
    return false;
  }
  absl::Time now = absl::FromUnixSeconds(1000);
};

TEST(PacerTest, StartsEachCallWhenItIsDueAndEndsInTime) {
  LeapingClock clock;
  const absl::Time begin = clock.now;
  ArrivalSchedule schedule({10, 10});
  std::vector<absl::Duration> starts;
  Pace(schedule, begin, begin + absl::Milliseconds(350), clock, never, [&](absl::Time intended) {
    EXPECT_EQ(clock.now, intended);
    starts.push_back(intended - begin);
    return true;
  });
  EXPECT_THAT(starts, ElementsAre(absl::Milliseconds(100), absl::Milliseconds(200), absl::Milliseconds(300)));
}

TEST(PacerTest, NeverStartsACallBeforeItIsDue) {
  testing::SimulatedClock clock;
  const absl::Time begin = clock.TimeNow();
  ArrivalSchedule schedule({1, 1});
  absl::Mutex mu;
  int started = 0;
  const auto once = [&] { return started == 1; };
  std::thread pacing([&] {
    Pace(schedule, begin, begin + absl::Milliseconds(2500), clock, never, [&](absl::Time) {
      absl::MutexLock lock(&mu);
      ++started;
      return true;
    });
  });
  clock.WaitUntilWaiting(1);
  mu.Lock();
  EXPECT_EQ(started, 0);
  mu.Unlock();
  clock.AdvanceTime(absl::Seconds(1));
  mu.LockWhen(absl::Condition(&once));
  mu.Unlock();
  clock.WaitUntilWaiting(1);
  clock.AdvanceTime(absl::Seconds(1));
  pacing.join();
  EXPECT_EQ(started, 2);
}

// A server stalls for a second. Measured from the actual start, one call in a hundred would be slow; callers who come
// every 10 ms all wait for the stall's rest, half a second in the mean.
TEST(PacerTest, AStallIsChargedToEveryCallThatWasDueInIt) {
  LeapingClock clock;
  const absl::Time begin = clock.now;
  ArrivalSchedule schedule({100, 100});
  Recording recording;
  bool stalled = false;
  Pace(schedule, begin, begin + absl::Milliseconds(1995), clock, never, [&](absl::Time intended) {
    CallOutcome outcome;
    outcome.intended = intended;
    outcome.started = clock.now;
    if (!stalled && intended - begin >= absl::Milliseconds(500)) {
      clock.now += absl::Seconds(1);
      stalled = true;
    }
    outcome.finished = clock.now;
    recording.Add(outcome);
    return true;
  });
  EXPECT_EQ(recording.succeeded, 199);
  EXPECT_EQ(recording.service.Percentile(0.99), absl::ZeroDuration());
  EXPECT_GT(recording.latency.Percentile(0.75), absl::Milliseconds(480));
  EXPECT_EQ(recording.latency.Maximum(), absl::Seconds(1));
  EXPECT_NEAR(absl::ToDoubleMilliseconds(recording.latency.Mean()), 505.0 * 100 / 199, 3);
}

TEST(PacerTest, EndsAtOnceHoweverFarTheNextCallIs) {
  testing::SimulatedClock clock;
  ArrivalSchedule schedule({1e-6, 1e-6});
  StopSignal stop;
  std::thread pacing(
      [&] { Pace(schedule, clock.TimeNow(), absl::InfiniteFuture(), clock, stop, [](absl::Time) { return true; }); });
  clock.WaitUntilWaiting(1);
  stop.Trigger();
  pacing.join();
}

TEST(PacerTest, EndsWhenItIsStopped) {
  LeapingClock clock;
  ArrivalSchedule schedule({100, 100});
  StopSignal stop;
  int calls = 0;
  const absl::Time begin = clock.now;
  const absl::Time next = Pace(schedule, begin, absl::InfiniteFuture(), clock, stop, [&](absl::Time) {
    if (++calls == 7) stop.Trigger();
    return true;
  });
  EXPECT_EQ(calls, 7);
  EXPECT_EQ(next, begin + absl::Milliseconds(80)) << "the first that was not started";
}

TEST(PacerTest, EndsWhereACallIsNotStarted) {
  LeapingClock clock;
  ArrivalSchedule schedule({100, 100});
  const absl::Time begin = clock.now, last = begin + absl::Milliseconds(50);
  const auto before_last = [&](absl::Time intended) { return intended < last; };
  EXPECT_EQ(Pace(schedule, begin, absl::InfiniteFuture(), clock, never, before_last), last);
}

}  // namespace
}  // namespace lossd::load
