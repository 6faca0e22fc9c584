// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/recording.h"

#include "gtest/gtest.h"

namespace lossd::load {
namespace {

CallOutcome Outcome(absl::Status status, absl::Duration late = absl::ZeroDuration()) {
  const absl::Time start = absl::FromUnixSeconds(100);
  CallOutcome outcome;
  outcome.intended = start;
  outcome.started = start + late;
  outcome.finished = outcome.started + absl::Milliseconds(5);
  outcome.status = std::move(status);
  outcome.received_bytes = 10;
  return outcome;
}

TEST(RecordingTest, LatencyCountsFromTheIntendedStartAndServiceFromTheActualOne) {
  Recording recording;
  recording.Add(Outcome(absl::OkStatus(), absl::Milliseconds(100)));
  EXPECT_EQ(recording.latency.Maximum(), absl::Milliseconds(105));
  EXPECT_EQ(recording.service.Maximum(), absl::Milliseconds(5));
  EXPECT_EQ(recording.received_bytes, 10);
}

TEST(RecordingTest, ErrorsAreCountedByCodeAndLeaveLatencyAlone) {
  Recording recording;
  recording.Add(Outcome(absl::UnavailableError("first")));
  recording.Add(Outcome(absl::UnavailableError("second")));
  recording.Add(Outcome(absl::DeadlineExceededError("late")));
  recording.Add(Outcome(absl::OkStatus()));
  recording.skipped = 1;
  EXPECT_EQ(recording.failed(), 3);
  EXPECT_EQ(recording.errors[absl::StatusCode::kUnavailable].calls, 2);
  EXPECT_EQ(recording.errors[absl::StatusCode::kUnavailable].example, "first");
  EXPECT_EQ(recording.latency.count(), 1);
  EXPECT_DOUBLE_EQ(recording.ErrorRate(), 0.8);
}

TEST(RecordingTest, FailedCallsKeepTheirTimesByCode) {
  Recording recording;
  recording.Add(Outcome(absl::UnavailableError("x"), absl::Milliseconds(1)));
  recording.Add(Outcome(absl::DeadlineExceededError("y"), absl::Milliseconds(10)));
  EXPECT_EQ(recording.errors[absl::StatusCode::kUnavailable].time.Maximum(), absl::Milliseconds(6));
  EXPECT_EQ(recording.errors[absl::StatusCode::kDeadlineExceeded].time.Maximum(), absl::Milliseconds(15));
  Recording total;
  total.Merge(recording);
  total.Merge(recording);
  EXPECT_EQ(total.errors[absl::StatusCode::kUnavailable].time.count(), 2);
}

TEST(RecordingTest, WhatChaosProvokedIsNoError) {
  Recording recording;
  CallOutcome cancelled = Outcome(absl::CancelledError("us"));
  cancelled.provoked = true;
  recording.Add(cancelled);
  recording.Add(Outcome(absl::OkStatus()));
  EXPECT_EQ(recording.failed(), 1);
  EXPECT_EQ(recording.provoked, 1);
  EXPECT_EQ(recording.ErrorRate(), 0);
  recording.Add(Outcome(absl::InternalError("the server")));
  EXPECT_DOUBLE_EQ(recording.ErrorRate(), 0.5);
}

TEST(RecordingTest, WhatWasWithdrawnIsInNoOtherSum) {
  Recording recording;
  CallOutcome cancelled = Outcome(absl::CancelledError("us"));
  cancelled.withdrawn = true;
  recording.Add(cancelled);
  Recording total;
  total.Merge(recording);
  EXPECT_EQ(total.withdrawn, 1);
  EXPECT_EQ(total.failed(), 0);
  EXPECT_EQ(total.lag.count(), 0);
}

TEST(RecordingTest, LateStartsCountOnlyWhereThereWasRoom) {
  Recording recording;
  recording.Add(Outcome(absl::OkStatus(), absl::Milliseconds(3)));
  CallOutcome waited = Outcome(absl::OkStatus(), absl::Seconds(1));
  waited.had_room = false;
  recording.Add(waited);
  EXPECT_EQ(recording.lag.count(), 1);
  EXPECT_EQ(recording.lag.Maximum(), absl::Milliseconds(3));
}

TEST(RecordingTest, MergingAddsEverything) {
  Recording first, second;
  first.Add(Outcome(absl::OkStatus()));
  CallOutcome different = Outcome(absl::OkStatus(), absl::Seconds(1));
  different.check = CallOutcome::Check::kDifferent;
  second.Add(different);
  second.Add(Outcome(absl::InternalError("broken")));
  second.skipped = 2;
  first.Merge(second);
  EXPECT_EQ(first.succeeded, 2);
  EXPECT_EQ(first.checked, 1);
  EXPECT_EQ(first.different, 1);
  EXPECT_EQ(first.skipped, 2);
  EXPECT_EQ(first.received_bytes, 30);
  EXPECT_EQ(first.latency.count(), 2);
  EXPECT_EQ(first.errors[absl::StatusCode::kInternal].example, "broken");
}

}  // namespace
}  // namespace lossd::load
