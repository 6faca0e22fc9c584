// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/opening_pace.h"

#include "gtest/gtest.h"

namespace lossd {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kStart = 5'000'000 * kMs;

constexpr int64_t kCalls = OpeningPace::kCalls;
using Level = OpeningPressure::Level;

// Calls of one connection, a step at a time.
class Opener {
 public:
  // The calls of all with the same `all` are counted together.
  Opener(OpeningPressure& pressure, CallsUnderWay& all) : pressure_(pressure), all_(all), pace_(kCalls, all) {}

  // A step's calls are opened within `ms`, and `ended` of all are over by then; whether that is too fast.
  bool Open(int64_t ms, int64_t ended) {
    opened_ += kCalls;
    all_.NoteOpened(kCalls);
    for (int64_t i = 0; i < ended; ++i) all_.NoteEnded();
    now_ns_ += ms * kMs;
    return pace_.Look(opened_, all_, now_ns_, pressure_);
  }

 private:
  OpeningPressure& pressure_;
  CallsUnderWay& all_;
  OpeningPace pace_;
  int64_t opened_ = 0, now_ns_ = kStart;
};

// Whose calls are counted alone.
class SoleOpener : private CallsUnderWay, public Opener {
 public:
  explicit SoleOpener(OpeningPressure& pressure) : Opener(pressure, static_cast<CallsUnderWay&>(*this)) {}
};

TEST(OpeningPaceTest, WhoHasAThousandCallsUnderWayIsTooFast) {
  OpeningPressure pressure;
  SoleOpener opener(pressure);
  EXPECT_FALSE(opener.Open(1, 0));
  EXPECT_FALSE(opener.Open(1, 0));
  EXPECT_FALSE(opener.Open(1, 20));
  EXPECT_FALSE(opener.Open(1, 100));
  EXPECT_TRUE(opener.Open(1, 100));
}

// However many of them end meanwhile.
TEST(OpeningPaceTest, WhoOpensMoreThanEndIsTooFastInTime) {
  OpeningPressure pressure;
  SoleOpener opener(pressure);
  int steps = 0;
  while (!opener.Open(1, kCalls * 3 / 4)) ++steps;
  EXPECT_NEAR(steps, 16, 1);
}

TEST(OpeningPaceTest, WhoseCallsEndMayOpenAsManyAsTheServerCan) {
  OpeningPressure pressure;
  SoleOpener opener(pressure);
  EXPECT_FALSE(opener.Open(1, 0)) << "these are under way";
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(opener.Open(1, kCalls)) << i;
}

// gRPC does not tell of all of them.
TEST(OpeningPaceTest, SomeCallsASecondMayHaveNoEnd) {
  OpeningPressure pressure;
  SoleOpener opener(pressure);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(opener.Open(1000, 0)) << i;
}

TEST(OpeningPaceTest, ManyConnectionsTogetherMayOpenFewerEach) {
  OpeningPressure pressure;
  for (int i = 0; i < 5; ++i) {
    SoleOpener opener(pressure);
    for (int step = 0; step < 3; ++step) EXPECT_FALSE(opener.Open(1, 0)) << i << step;
  }
  SoleOpener late(pressure);
  EXPECT_FALSE(late.Open(1, 0));
  EXPECT_TRUE(late.Open(1, 0));
}

TEST(OpeningPaceTest, ManyConnectionsTogetherLeaveEachWhatItMayHave) {
  OpeningPressure pressure;
  pressure.Add(10 * OpeningPressure::kPressing, kStart);
  SoleOpener good(pressure);
  EXPECT_FALSE(good.Open(1, 0));
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(good.Open(1, kCalls)) << i;
  SoleOpener bad(pressure);
  EXPECT_FALSE(bad.Open(1, 0));
  EXPECT_TRUE(bad.Open(1, kCalls / 2));
}

// Of connections over unix sockets it is not known which one's calls have ended.
TEST(OpeningPaceTest, OfCallsThatAreCountedTogetherEachHasWhatItOpened) {
  OpeningPressure pressure;
  CallsUnderWay all;
  Opener bad(pressure, all), good(pressure, all);
  int64_t opened = 0;
  bool cut = false;
  while (!cut && opened < 100) {
    for (int i = 0; i < 10; ++i) cut |= bad.Open(1, kCalls / 2), ++opened;
    EXPECT_FALSE(good.Open(1, kCalls)) << "a tenth of them are its own";
  }
  EXPECT_TRUE(cut);
  EXPECT_LE(opened, 20);
  Opener next(pressure, all);
  for (int i = 0; i < 5; ++i) cut = next.Open(1, kCalls);
  EXPECT_TRUE(cut) << "the calls of those before are still under way";
}

TEST(OpeningPressureTest, PassesWithTime) {
  OpeningPressure pressure;
  EXPECT_EQ(pressure.Add(OpeningPressure::kPressing, kStart), Level::kNone);
  EXPECT_EQ(pressure.Add(1, kStart), Level::kPressing);
  EXPECT_EQ(pressure.Add(OpeningPressure::kPressing, kStart), Level::kHard);
  EXPECT_EQ(pressure.Add(0, kStart + 500 * kMs), Level::kPressing);
  EXPECT_EQ(pressure.Add(0, kStart + 1000 * kMs), Level::kPressing);
  EXPECT_EQ(pressure.Add(-2, kStart + 1000 * kMs), Level::kNone);
}

}  // namespace
}  // namespace lossd
