// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/timed_parallel.h"

#include <chrono>

#include "gtest/gtest.h"

namespace lossd::bench {
namespace {

void Spin(double seconds) {
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() < seconds) continue;
}

// Pieces last at least as long as they were asked to, and what the machine adds is in `seconds` as well: so shares of
// it have bounds that hold on a busy machine, too.
TEST(TimedParallelTest, EqualIterationsDivideAmongProcessors) {
  TimedParallel parallel;
  int ran = 0;
  parallel.Time([&] {
    parallel.For(8, [&](int64_t) {
      ++ran;
      Spin(1e-3);
    });
  });
  EXPECT_EQ(ran, 8);
  EXPECT_EQ(parallel.loops(), 1);
  EXPECT_GE(parallel.seconds(), 8e-3);
  EXPECT_EQ(parallel.SecondsOn(1, {}), parallel.seconds());
  EXPECT_GE(parallel.SecondsOn(2, {}), 4e-3);
  EXPECT_LE(parallel.SecondsOn(8, {}), parallel.SecondsOn(4, {}));
  EXPECT_LE(parallel.SecondsOn(8, {}), parallel.seconds() - 7e-3);
  EXPECT_NEAR(parallel.SecondsOn(8, {.loop_seconds = 1}), 1 + parallel.SecondsOn(8, {}), 1e-9);
}

TEST(TimedParallelTest, WhatIsInNoLoopAndTheLongestIterationRemain) {
  TimedParallel parallel;
  parallel.Time([&] {
    Spin(2e-3);
    parallel.For(2, [&](int64_t i) { Spin(i == 0 ? 1e-3 : 5e-3); });
  });
  EXPECT_GE(parallel.SecondsOn(64, {}), 7e-3);
  EXPECT_LE(parallel.SecondsOn(64, {}), parallel.seconds() - 1e-3);
}

TEST(TimedParallelTest, InnerLoopsGetTheProcessorsThatOuterOnesLeave) {
  TimedParallel parallel;
  const auto work = [&](int64_t) { parallel.For(4, [&](int64_t) { Spin(1e-3); }); };
  parallel.Time([&] { parallel.For(2, work); });
  EXPECT_EQ(parallel.loops(), 3);
  EXPECT_GE(parallel.SecondsOn(2, {}), 4e-3);
  EXPECT_LE(parallel.SecondsOn(8, {}), parallel.seconds() - 7e-3);
  // A loop of one iteration leaves all of them to what is in it.
  parallel.Time([&] { parallel.For(1, work); });
  EXPECT_EQ(parallel.loops(), 1);
  EXPECT_LE(parallel.SecondsOn(4, {}), parallel.seconds() - 3e-3);
}

}  // namespace
}  // namespace lossd::bench
