// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/level_runner.h"

#include <vector>

#include "gtest/gtest.h"

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

}  // namespace
}  // namespace lossd::load
