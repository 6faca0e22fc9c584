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
  explicit Opener(CallsUnderWay& all) : all_(all), pace_(kCalls, all) {}

  // A step's calls are opened within `ms`, and `ended` of all are over by then; whether that is too fast.
  bool Open(int64_t ms, int64_t ended) {
    opened_ += kCalls;
    all_.NoteOpened(kCalls);
    for (int64_t i = 0; i < ended; ++i) all_.NoteEnded();
    now_ns_ += ms * kMs;
    return pace_.Look(opened_, all_, now_ns_);
  }

 private:
  CallsUnderWay& all_;
  OpeningPace pace_;
  int64_t opened_ = 0, now_ns_ = kStart;
};

// Whose calls are counted alone.
class SoleOpener : private CallsUnderWay, public Opener {
 public:
  explicit SoleOpener(OpeningPressure& pressure)
      : CallsUnderWay(pressure), Opener(static_cast<CallsUnderWay&>(*this)) {}
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

// Not all of them are told of.
TEST(OpeningPaceTest, SomeCallsASecondMayHaveNoEnd) {
  OpeningPressure pressure;
  SoleOpener opener(pressure);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(opener.Open(1000, kCalls / 2)) << i;
}

// However long that takes: where no call ends, none of them has had its turn.
TEST(OpeningPaceTest, TimeAloneForgivesNothing) {
  OpeningPressure pressure;
  SoleOpener opener(pressure);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(opener.Open(100'000, 0)) << i;
  EXPECT_TRUE(opener.Open(100'000, 0));
}

TEST(OpeningPaceTest, ManyConnectionsTogetherMayOpenFewerEach) {
  OpeningPressure pressure;
  pressure.NoteOpened(OpeningPressure::kPressing);
  SoleOpener second(pressure);
  EXPECT_FALSE(second.Open(1, 0));
  EXPECT_TRUE(second.Open(1, 0));
}

TEST(OpeningPaceTest, ManyConnectionsTogetherLeaveEachWhatItMayHave) {
  OpeningPressure pressure;
  pressure.NoteOpened(1'000'000);
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
  CallsUnderWay all(pressure);
  Opener bad(all), good(all);
  int64_t opened = 0;
  bool cut = false;
  while (!cut && opened < 100) {
    for (int i = 0; i < 10; ++i) cut |= bad.Open(1, kCalls / 2), ++opened;
    EXPECT_FALSE(good.Open(1, kCalls)) << "a tenth of them are its own";
  }
  EXPECT_TRUE(cut);
  EXPECT_LE(opened, 20);
  Opener next(all);
  for (int i = 0; i < 5; ++i) cut = next.Open(1, kCalls);
  EXPECT_TRUE(cut) << "the calls of those before are still under way";
}

TEST(OpeningPaceTest, LooksBeforeItsCallsAreManyMore) {
  OpeningPressure pressure;
  pressure.NoteOpened(1'000'000);
  CallsUnderWay calls(pressure);
  OpeningPace pace(kCalls, calls);
  int64_t opened = 0;
  do calls.NoteOpened(1);
  while (!pace.IsTooFast(++opened, calls));
  EXPECT_EQ(opened, kCalls + kCalls / 4);
}

TEST(OpeningPressureTest, PassesWithTheCalls) {
  OpeningPressure pressure;
  pressure.NoteOpened(OpeningPressure::kPressing);
  EXPECT_EQ(pressure.Look(kStart), Level::kNone);
  pressure.NoteOpened(1);
  EXPECT_EQ(pressure.Look(kStart), Level::kPressing);
  pressure.NoteOpened(OpeningPressure::kPressing);
  EXPECT_EQ(pressure.Look(kStart), Level::kHard);
  EXPECT_EQ(pressure.Look(kStart + 10'000 * kMs), Level::kHard) << "none has ended";
  pressure.NoteEnded();
  EXPECT_EQ(pressure.Look(kStart + 10'000 * kMs), Level::kPressing);
}

// What a connection had sent when it was cut never becomes a call.
TEST(OpeningPressureTest, ForgivesOneForEachThatEndsInTime) {
  OpeningPressure pressure;
  pressure.NoteOpened(2 * OpeningPressure::kPressing + 100);
  EXPECT_EQ(pressure.Look(kStart), Level::kHard);
  for (int i = 0; i < 50; ++i) pressure.NoteEnded();
  EXPECT_EQ(pressure.Look(kStart), Level::kHard) << "no time has passed";
  for (int i = 0; i < 25; ++i) pressure.NoteEnded();
  EXPECT_EQ(pressure.Look(kStart + 1000 * kMs), Level::kPressing);
}

}  // namespace
}  // namespace lossd
