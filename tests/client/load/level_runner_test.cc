// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/level_runner.h"

#include <thread>
#include <vector>

#include "client/load/load_report.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/load/held_calls.h"
#include "tests/client/load/load_fixture.h"
#include "tests/support/simulated_clock.h"

namespace lossd::load {
namespace {

// A window of one second with `calls` calls of `latency` each.
Window MakeWindow(int calls, absl::Duration latency) {
  Window window;
  window.length = absl::Seconds(1);
  for (int i = 0; i < calls; ++i) {
    CallOutcome outcome;
    outcome.finished = outcome.intended + latency;
    window.calls.Add(outcome);
  }
  return window;
}

MeasureOptions ThreeWindowsWithin(double share) {
  MeasureOptions options;
  options.stable_windows = 3;
  options.stability = share;
  return options;
}

TEST(LevelRunnerTest, FiguresAreStableOnceEnoughWindowsAgree) {
  const Window window = MakeWindow(100, absl::Milliseconds(10));
  std::vector<Window> windows = {window, window};
  EXPECT_FALSE(AreStable(windows, ThreeWindowsWithin(0.1)));
  windows.push_back(window);
  EXPECT_TRUE(AreStable(windows, ThreeWindowsWithin(0.1)));
}

TEST(LevelRunnerTest, OnlyTheLastWindowsCount) {
  const Window slow = MakeWindow(10, absl::Milliseconds(100)), usual = MakeWindow(100, absl::Milliseconds(10));
  EXPECT_TRUE(AreStable({slow, usual, usual, usual}, ThreeWindowsWithin(0.1)));
  EXPECT_FALSE(AreStable({usual, usual, usual, slow}, ThreeWindowsWithin(0.1)));
}

TEST(LevelRunnerTest, ThroughputAndLatencyMustBothAgree) {
  const Window usual = MakeWindow(100, absl::Milliseconds(10));
  EXPECT_FALSE(AreStable({usual, usual, MakeWindow(150, absl::Milliseconds(10))}, ThreeWindowsWithin(0.1)));
  EXPECT_FALSE(AreStable({usual, usual, MakeWindow(100, absl::Milliseconds(15))}, ThreeWindowsWithin(0.1)));
  EXPECT_TRUE(AreStable({usual, usual, MakeWindow(105, absl::Milliseconds(10))}, ThreeWindowsWithin(0.1)));
}

TEST(LevelRunnerTest, LevelsAreNamedByTheirLoad) {
  Level level;
  level.concurrency = 16;
  EXPECT_EQ(NameOf(level), "concurrency 16");
  level.arrivals = ArrivalOptions{100, 100};
  EXPECT_EQ(NameOf(level), "rate 100");
  level.arrivals = ArrivalOptions{100, 250.5};
  EXPECT_EQ(NameOf(level), "rate 100:250.5");
}

// Runs a level of calls that the test ends, by a clock that the test moves.
class HeldLevelTest : public ::testing::Test {
 protected:
  ~HeldLevelTest() override {
    if (running_.joinable()) TakeResult();
  }

  // `windows` seconds after a warm-up of one second.
  void Run(const Level& level, int windows) {
    options_.duration = absl::Seconds(windows);
    running_ = std::thread([this, level] {
      result_ = RunLevel(*engine_, level, options_, clock_, stop_, [this](const Window&) {
        absl::MutexLock lock(&mu_);
        ++windows_;
      });
      calls_.Finish();
    });
  }
  // Lets a moment pass once the level and, in an open loop, its arrivals wait.
  void Pass(absl::Duration duration, size_t threads) {
    clock_.WaitUntilWaiting(threads);
    clock_.AdvanceTime(duration);
  }
  void AwaitWindows(int windows) {
    absl::MutexLock lock(&mu_);
    const auto enough = [&] { return windows_ >= windows; };
    mu_.Await(absl::Condition(&enough));
  }
  // Ends the calls that are left.
  LevelResult TakeResult(const absl::Status& status = absl::OkStatus()) {
    calls_.EndAllUntilFinished(status);
    running_.join();
    return std::move(result_);
  }

  testing::SimulatedClock clock_;
  const LoadRequest request_ = SmallEncodedRequest();
  const CallContext context_{request_, clock_, absl::InfiniteDuration(), ""};
  HeldCalls calls_{clock_};
  const std::unique_ptr<LoadEngine> engine_ = [this] {
    std::vector<std::unique_ptr<Caller>> callers;
    callers.push_back(std::make_unique<HeldCaller>(calls_));
    return LoadEngine::Over(std::move(callers), context_);
  }();
  MeasureOptions options_;
  StopSignal stop_;
  absl::Mutex mu_;
  int windows_ = 0;
  LevelResult result_;
  std::thread running_;
};

// A server that stalls before the end of a level and gets well after it.
TEST_F(HeldLevelTest, AClosedLoopCountsCallsThatHangAtItsEnd) {
  Level level;
  level.concurrency = 2;
  Run(level, 1);
  calls_.AwaitStarted(2);
  Pass(absl::Seconds(1), 1);
  Pass(absl::Milliseconds(500), 1);
  calls_.End(1);
  clock_.AdvanceTime(absl::Milliseconds(500));
  AwaitWindows(1);
  clock_.AdvanceTime(absl::Seconds(3));
  const LevelResult result = TakeResult(absl::DeadlineExceededError("late"));
  EXPECT_EQ(result.calls.succeeded, 1);
  EXPECT_EQ(result.calls.answers.count(), 1);
  EXPECT_EQ(result.calls.failed(), 2) << "the one under way since the warm-up and the one that followed the answer";
  const LevelFigures figures = FiguresOf(result, 100);
  EXPECT_EQ(figures.goodput_per_second, 1);
  EXPECT_EQ(figures.late_failed, 2);
  EXPECT_EQ(figures.late_longest, 5000);
  EXPECT_THAT(figures.Doubts(), ::testing::ElementsAre(::testing::HasSubstr("took up to 5000.000 ms, and 2 of them")));
}

// Ten a second are due, and two a second are answered, of those that were due long ago.
TEST_F(HeldLevelTest, AnOpenLoopOffersWhatIsDueAndItsGoodputIsWhatIsAnsweredInTime) {
  Level level;
  level.arrivals = ArrivalOptions{10, 10};
  Run(level, 2);
  Pass(absl::Milliseconds(1050), 2);
  calls_.AwaitStarted(10);
  Pass(absl::Seconds(1), 2);
  calls_.AwaitStarted(20);
  calls_.End(4);
  Pass(absl::Milliseconds(950), 2);
  AwaitWindows(2);
  calls_.AwaitStarted(29);
  clock_.AdvanceTime(absl::Seconds(7));
  const LevelResult result = TakeResult();
  EXPECT_EQ(result.length, absl::Seconds(2));
  EXPECT_EQ(result.calls.succeeded, 20) << "nothing of the warm-up, nothing that was due at the end";
  EXPECT_EQ(result.calls.latency.Maximum(), absl::Seconds(9));
  const LevelFigures figures = FiguresOf(result, 100);
  EXPECT_EQ(figures.offered_per_second, 10);
  EXPECT_EQ(figures.goodput_per_second, 2);
  EXPECT_EQ(figures.windows.at(0).offered_per_second, 10);
  EXPECT_EQ(figures.windows.at(1).calls_per_second, 4);
  EXPECT_THAT(figures.Doubts(), ::testing::Contains(::testing::HasSubstr("goodput does not")));
}

TEST_F(HeldLevelTest, ArrivalsThatWaitForRoomUntilTheEndAreCountedAsSkipped) {
  Level level;
  level.arrivals = ArrivalOptions{10, 10};
  level.max_outstanding = 1;
  level.wait_for_room = true;
  Run(level, 2);
  Pass(absl::Milliseconds(100), 2);
  calls_.AwaitStarted(1);
  Pass(absl::Seconds(1), 1);  // The arrivals wait for the call.
  calls_.End(1);
  calls_.AwaitStarted(2);
  calls_.End(9);  // With what was due up to now, 1.1 s, all is well.
  calls_.AwaitStarted(11);
  Pass(absl::Milliseconds(1900), 1);
  AwaitWindows(2);
  clock_.AdvanceTime(absl::Seconds(1));
  const LevelResult result = TakeResult();
  EXPECT_GE(result.calls.succeeded, 2) << "due at 1.0 and 1.1 s";
  EXPECT_LE(result.calls.succeeded, 3) << "and perhaps the one that waits for room at the end";
  EXPECT_EQ(result.calls.unstarted, 20 - result.calls.succeeded);
  const LevelFigures figures = FiguresOf(result, 100);
  EXPECT_EQ(figures.offered_per_second, 10);
  EXPECT_EQ(figures.skipped, figures.unstarted);
  EXPECT_DOUBLE_EQ(figures.error_rate, static_cast<double>(figures.unstarted) / 20);
  EXPECT_EQ(figures.windows.at(0).skipped + figures.windows.at(1).skipped, figures.unstarted);
  EXPECT_THAT(figures.Doubts(), ::testing::Contains(::testing::HasSubstr("arrivals were still to be started")));
}

}  // namespace
}  // namespace lossd::load
