// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/attempts.h"

#include <set>

#include "client/cpp/grpc_status.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"

namespace lossd::client {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Gt;
using ::testing::Le;
using ::testing::SizeIs;

constexpr absl::Time kStart = absl::UnixEpoch();

absl::Status Full(absl::Duration delay) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(delay)));
  google::rpc::Status message;
  message.set_code(8);
  message.add_details()->PackFrom(retry);
  return ToAbslStatus(message);
}

class AttemptsTest : public ::testing::Test {
 protected:
  Attempts Of(absl::Duration timeout = absl::InfiniteDuration()) { return {&options_, kStart + timeout}; }

  ClientOptions options_;
  const absl::Status away_ = absl::UnavailableError("draining");
};

TEST_F(AttemptsTest, WaitsDoubleGiveOrTakeAFifth) {
  Attempts attempts = Of();
  absl::Time now = kStart;
  for (const double seconds : {0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0}) {
    const auto next = attempts.Next(away_, "", now);
    ASSERT_TRUE(next.has_value());
    EXPECT_THAT(*next - now, AllOf(Ge(absl::Seconds(0.799 * seconds)), Le(absl::Seconds(1.201 * seconds))));
    now = *next;
  }
}

TEST_F(AttemptsTest, PatienceIsCountedFromTheFirstFailure) {
  Attempts attempts = Of();
  const absl::Time first = kStart + absl::Hours(1);
  ASSERT_TRUE(attempts.Next(away_, "", first).has_value());
  EXPECT_EQ(attempts.connected_by(), first + options_.patience);
  EXPECT_TRUE(attempts.Next(away_, "", first + options_.patience - absl::Seconds(1)).has_value());
  EXPECT_FALSE(attempts.Next(away_, "", first + options_.patience).has_value());
  options_.patience = absl::ZeroDuration();
  EXPECT_FALSE(Of().Next(away_, "", kStart).has_value());
}

TEST_F(AttemptsTest, NoneBeginsAfterTheDeadline) {
  EXPECT_FALSE(Of(absl::Milliseconds(70)).Next(away_, "", kStart).has_value());
  EXPECT_FALSE(Of(absl::Milliseconds(200)).Next(Full(absl::Milliseconds(300)), "", kStart).has_value());
  Attempts attempts = Of(absl::Seconds(3));
  ASSERT_TRUE(attempts.Next(away_, "", kStart).has_value());
  EXPECT_EQ(attempts.connected_by(), kStart + absl::Seconds(3));
}

TEST_F(AttemptsTest, ALimitIsTriedAgainAfterTheDelayThatTheServerNames) {
  std::set<absl::Time> begins;
  for (int i = 0; i < 20; ++i) {
    const auto next = Of().Next(Full(absl::Milliseconds(900)), "", kStart);
    ASSERT_TRUE(next.has_value());
    EXPECT_THAT(*next - kStart, AllOf(Ge(absl::Milliseconds(900)), Le(absl::Milliseconds(1081))));
    begins.insert(*next);
  }
  EXPECT_THAT(begins, SizeIs(Gt(1)));
  Attempts attempts = Of();
  for (int attempt = 1; attempt < options_.max_attempts; ++attempt) {
    EXPECT_TRUE(attempts.Next(Full(absl::Milliseconds(1)), "", kStart).has_value());
  }
  EXPECT_FALSE(attempts.Next(Full(absl::Milliseconds(1)), "", kStart).has_value());
}

TEST_F(AttemptsTest, PushbackWinsAndForbids) {
  const absl::Status limit = absl::ResourceExhaustedError("full");
  const auto next = Of().Next(limit, "5000", kStart);
  ASSERT_TRUE(next.has_value());
  EXPECT_THAT(*next - kStart, AllOf(Ge(absl::Seconds(5)), Le(absl::Seconds(6.01))));
  for (const char* pushback : {"-1", "soon"}) {
    EXPECT_FALSE(Of().Next(away_, pushback, kStart).has_value()) << pushback;
    EXPECT_FALSE(Of().Next(Full(absl::Milliseconds(1)), pushback, kStart).has_value()) << pushback;
  }
}

TEST_F(AttemptsTest, NothingElseIsTriedAgain) {
  for (const absl::Status& status :
       {absl::ResourceExhaustedError("more operations than the server allows"), absl::InvalidArgumentError("no"),
        absl::InternalError("bug"), absl::DeadlineExceededError("late"), absl::CancelledError("enough"),
        absl::UnavailableError("Ssl handshake failed: certificate verify failed")}) {
    EXPECT_FALSE(Of().Next(status, "", kStart).has_value()) << status;
  }
}

}  // namespace
}  // namespace lossd::client
