// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/parallel_loop.h"

#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

const std::atomic<bool> kStop = true;
constexpr auto kNothing = [](int64_t) {};

TEST(ParallelLoopTest, RunsEachIterationInOrderOnOneThread) {
  std::vector<int64_t> ran;
  const auto body = [&](int64_t i) { ran.push_back(i); };
  ParallelLoop loop(4, body);
  EXPECT_TRUE(loop.HasUnclaimed());
  loop.RunAll();
  EXPECT_THAT(ran, ElementsAre(0, 1, 2, 3));
  EXPECT_FALSE(loop.HasUnclaimed());
}

TEST(ParallelLoopTest, ClaimsNothingOnceToldToStop) {
  const auto body = [](int64_t) { FAIL(); };
  ParallelLoop loop(4, body);
  loop.RunUntil(kStop);
  EXPECT_TRUE(loop.HasUnclaimed());
}

TEST(ParallelLoopTest, StopsBetweenIterations) {
  std::atomic<bool> stop = false;
  int ran = 0;
  const auto body = [&](int64_t i) {
    ++ran;
    stop = i == 3;
  };
  ParallelLoop loop(10, body);
  loop.RunUntil(stop);
  EXPECT_EQ(ran, 4);
  loop.RunAll();
  EXPECT_EQ(ran, 10);
}

TEST(ParallelLoopTest, SharesOutEachIterationOnce) {
  constexpr int64_t kCount = 20000;
  std::vector<int> ran(kCount, 0);  // Not atomic: two threads at one iteration would be a data race.
  const auto body = [&](int64_t i) { ++ran[i]; };
  ParallelLoop loop(kCount, body);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { loop.RunAll(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(ran, Each(1));
}

TEST(ParallelLoopTest, ShowsItsHelpers) {
  ParallelLoop loop(1, kNothing);
  EXPECT_FALSE(loop.HasHelpers());
  loop.AddHelper();
  EXPECT_TRUE(loop.HasHelpers());
  loop.RemoveHelper();
  EXPECT_FALSE(loop.HasHelpers());
}

TEST(ParallelLoopTest, KnowsWhichLoopItWasCalledInside) {
  const ParallelLoop stranger(1, kNothing);
  const ParallelLoop* outer_loop = nullptr;
  const ParallelLoop* middle_loop = nullptr;
  const auto middle_body = [&](int64_t) {
    const ParallelLoop inner(1, kNothing);
    EXPECT_TRUE(inner.IsInside(*middle_loop));
    EXPECT_TRUE(inner.IsInside(*outer_loop));
    EXPECT_FALSE(inner.IsInside(stranger));
    EXPECT_FALSE(middle_loop->IsInside(inner));
  };
  const auto outer_body = [&](int64_t) {
    ParallelLoop middle(1, middle_body);
    middle_loop = &middle;
    middle.RunAll();
  };
  ParallelLoop outer(1, outer_body);
  outer_loop = &outer;
  outer.RunAll();
  const ParallelLoop after(1, kNothing);
  EXPECT_FALSE(after.IsInside(outer));
}

TEST(ParallelLoopsTest, FindsTheOldestLoopWithIterationsLeft) {
  ParallelLoops loops;
  EXPECT_EQ(loops.FindUnclaimed(nullptr), nullptr);
  ParallelLoop first(1, kNothing);
  ParallelLoop second(1, kNothing);
  loops.Add(&first);
  loops.Add(&second);
  EXPECT_EQ(loops.FindUnclaimed(nullptr), &first);
  first.RunAll();
  EXPECT_EQ(loops.FindUnclaimed(nullptr), &second);
  loops.Remove(&second);
  EXPECT_EQ(loops.FindUnclaimed(nullptr), nullptr);
}

TEST(ParallelLoopsTest, FindsOnlyLoopsInsideTheGivenOne) {
  ParallelLoops loops;
  ParallelLoop stranger(1, kNothing);
  loops.Add(&stranger);
  const ParallelLoop* outer_loop = nullptr;
  const auto body = [&](int64_t) {
    EXPECT_EQ(loops.FindUnclaimed(outer_loop), nullptr);
    ParallelLoop inner(1, kNothing);
    loops.Add(&inner);
    EXPECT_EQ(loops.FindUnclaimed(outer_loop), &inner);
    loops.Remove(&inner);
  };
  ParallelLoop outer(1, body);
  outer_loop = &outer;
  outer.RunAll();
}

}  // namespace
}  // namespace lossd
