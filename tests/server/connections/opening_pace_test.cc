// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/opening_pace.h"

#include "gtest/gtest.h"

namespace lossd {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kStart = 5'000'000 * kMs;

// Calls of one connection, a step at a time.
class Opener {
 public:
  explicit Opener(OpeningPressure& pressure) : pressure_(pressure) {
    EXPECT_FALSE(pace_.Look(0, 0, kStart, pressure_));
  }

  // A step's calls are opened within `ms`, of which `ended` more are over by then; whether that is too fast.
  bool Open(int64_t ms, int64_t ended) {
    opened_ += OpeningPace::kStep;
    ended_ += ended;
    now_ns_ += ms * kMs;
    return pace_.Look(opened_, ended_, now_ns_, pressure_);
  }

 private:
  OpeningPressure& pressure_;
  OpeningPace pace_;
  int64_t opened_ = 0, ended_ = 0, now_ns_ = kStart;
};

TEST(OpeningPaceTest, WhoOpensAThousandWithinASecondThatDoNotEndIsTooFast) {
  OpeningPressure pressure;
  Opener opener(pressure);
  EXPECT_FALSE(opener.Open(10, 0));
  EXPECT_FALSE(opener.Open(10, 20));
  EXPECT_FALSE(opener.Open(10, 100));
  EXPECT_TRUE(opener.Open(10, 100));
}

TEST(OpeningPaceTest, WhoseCallsEndMayOpenAsManyAsTheServerCan) {
  OpeningPressure pressure;
  Opener opener(pressure);
  EXPECT_FALSE(opener.Open(1, 0)) << "these are under way";
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(opener.Open(1, OpeningPace::kStep)) << i;
}

TEST(OpeningPaceTest, WhoTakesHisTimeMayLeaveThemOpen) {
  OpeningPressure pressure;
  Opener opener(pressure);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(opener.Open(300, 0)) << i;
}

TEST(OpeningPaceTest, ManyConnectionsTogetherMayOpenFewerEach) {
  OpeningPressure pressure;
  for (int i = 0; i < 5; ++i) {
    Opener opener(pressure);
    for (int step = 0; step < 3; ++step) EXPECT_FALSE(opener.Open(10, 0));
  }
  Opener late(pressure);
  EXPECT_FALSE(late.Open(10, 0));
  EXPECT_TRUE(late.Open(10, 0));
  EXPECT_FALSE(pressure.IsHigh(kStart + 3000 * kMs)) << "it passes";
}

TEST(OpeningPressureTest, CountsASecondAndTheOneBefore) {
  OpeningPressure pressure;
  EXPECT_FALSE(pressure.IsHigh(kStart));
  pressure.Add(OpeningPressure::kPressing, kStart);
  EXPECT_FALSE(pressure.IsHigh(kStart));
  pressure.Add(1, kStart + 1000 * kMs);
  EXPECT_TRUE(pressure.IsHigh(kStart + 1000 * kMs));
  EXPECT_FALSE(pressure.IsHigh(kStart + 2000 * kMs));
}

}  // namespace
}  // namespace lossd
