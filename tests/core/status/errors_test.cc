// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/status/errors.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;

TEST(ErrorsTest, InvalidFieldCarriesFieldAndDescription) {
  const absl::Status status = InvalidField("inputs[anchor.1].shape", "expected rank 4, got [8, 128]");
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kInvalidArgument, "inputs[anchor.1].shape: expected rank 4, got [8, 128]"));
  const auto violation = GetFieldViolation(status);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->field, "inputs[anchor.1].shape");
  EXPECT_EQ(violation->description, "expected rank 4, got [8, 128]");
  EXPECT_FALSE(GetLimitViolation(status).has_value());
}

TEST(ErrorsTest, LimitExceededRoundTripsEveryPart) {
  const absl::Status status = LimitExceeded(
      {RejectReason::kInflightBytes, "--max_inflight_bytes", "10 bytes are free of 100", absl::Milliseconds(5)});
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kResourceExhausted, "10 bytes are free of 100 (--max_inflight_bytes)"));
  const auto violation = GetLimitViolation(status);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->reason, RejectReason::kInflightBytes);
  EXPECT_EQ(violation->flag, "--max_inflight_bytes");
  EXPECT_EQ(violation->description, "10 bytes are free of 100");
  EXPECT_EQ(violation->retry_delay, absl::Milliseconds(5));
  EXPECT_FALSE(GetFieldViolation(status).has_value());
}

TEST(ErrorsTest, RejectionWithoutFlagOrRetryKeepsThemEmpty) {
  const absl::Status status =
      Rejected(absl::StatusCode::kUnavailable, {RejectReason::kDraining, "", "draining", std::nullopt});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, "draining"));
  const auto violation = GetLimitViolation(status);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->flag, "");
  EXPECT_EQ(violation->retry_delay, std::nullopt);
  EXPECT_EQ(RejectReasonLabel(violation->reason), "draining");
}

TEST(ErrorsTest, ForeignStatusHasNoDetails) {
  EXPECT_FALSE(GetFieldViolation(absl::InternalError("x")).has_value());
  EXPECT_FALSE(GetLimitViolation(absl::OkStatus()).has_value());
}

// A client's name for an input must not part the violation, nor make up lines of a log.
TEST(ErrorsTest, WhatAClientHasNamedIsPrintable) {
  const absl::Status status = InvalidField(
      "inputs[a\x1f"
      "b\n]",
      "expected none, got \x1b[2J");
  EXPECT_EQ(status.message(), "inputs[a\\x1fb\\n]: expected none, got \\x1b[2J");
  const auto violation = GetFieldViolation(status);
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->field, "inputs[a\\x1fb\\n]");
  EXPECT_EQ(violation->description, "expected none, got \\x1b[2J");
  EXPECT_EQ(GetFieldViolation(InvalidField("", "all of it"))->description, "all of it");
}

}  // namespace
}  // namespace lossd
