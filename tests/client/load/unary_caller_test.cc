// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/load/load_fixture.h"

namespace lossd::load {
namespace {

using ::lossd::testing::StatusIs;

class UnaryCallerTest : public CallerTest {};

TEST_F(UnaryCallerTest, AnswersComeWithTimesAndBytes) {
  const auto caller = Make(MakeUnaryCaller);
  const CallOutcome outcome = Call(*caller);
  EXPECT_OK(outcome.status);
  EXPECT_LE(outcome.intended, outcome.started);
  EXPECT_LT(outcome.started, outcome.finished);
  EXPECT_GT(outcome.received_bytes, 0);
  EXPECT_EQ(outcome.check, CallOutcome::Check::kNone);
}

TEST_F(UnaryCallerTest, FailuresKeepTheirCodeAndText) {
  server_.service.on_compute = [](grpc::ServerContext*, const v1::ComputeRequest&, v1::ComputeResponse*) {
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full");
  };
  const auto caller = Make(MakeUnaryCaller);
  const CallOutcome outcome = Call(*caller);
  EXPECT_THAT(outcome.status, StatusIs(absl::StatusCode::kResourceExhausted, "full"));
  EXPECT_FALSE(outcome.provoked);
}

TEST_F(UnaryCallerTest, AWrongAnswerIsSeen) {
  const auto check = SmallCheck();
  context_.check = check.get();
  const auto caller = Make(MakeUnaryCaller);
  EXPECT_EQ(Call(*caller).check, CallOutcome::Check::kEqual);
  server_.service.on_compute = [](grpc::ServerContext*, const v1::ComputeRequest& request,
                                  v1::ComputeResponse* response) {
    client::AnswerSquaredNorm(request, response);
    response->set_objective(12.6);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Call(*caller).check, CallOutcome::Check::kDifferent);
}

TEST_F(UnaryCallerTest, TheTokenIsSent) {
  std::string token;
  server_.service.on_compute = [&](grpc::ServerContext* context, const v1::ComputeRequest& request,
                                   v1::ComputeResponse* response) {
    const auto found = context->client_metadata().find("authorization");
    if (found != context->client_metadata().end()) token.assign(found->second.data(), found->second.size());
    return client::AnswerSquaredNorm(request, response);
  };
  context_.auth_token = "secret";
  const auto caller = Make(MakeUnaryCaller);
  EXPECT_OK(Call(*caller).status);
  EXPECT_EQ(token, "Bearer secret");
}

TEST_F(UnaryCallerTest, MetadataIsSent) {
  std::string tenant;
  server_.service.on_compute = [&](grpc::ServerContext* context, const v1::ComputeRequest& request,
                                   v1::ComputeResponse* response) {
    const auto found = context->client_metadata().find("x-tenant");
    if (found != context->client_metadata().end()) tenant.assign(found->second.data(), found->second.size());
    return client::AnswerSquaredNorm(request, response);
  };
  context_.metadata = {{"x-tenant", "a"}};
  EXPECT_OK(Call(*Make(MakeUnaryCaller)).status);
  EXPECT_EQ(tenant, "a");
}

// A server that answers nothing before the test lets it.
class HeldUnaryCallerTest : public CallerTest {
 protected:
  HeldUnaryCallerTest() {
    server_.service.on_compute = [release = release_](grpc::ServerContext*, const v1::ComputeRequest&,
                                                      v1::ComputeResponse*) {
      release->WaitForNotification();
      return grpc::Status::OK;
    };
  }
  ~HeldUnaryCallerTest() override { release_->Notify(); }

  const std::shared_ptr<absl::Notification> release_ = std::make_shared<absl::Notification>();
};

TEST_F(HeldUnaryCallerTest, CallsThatChaosCancelsAreProvoked) {
  Chaos chaos(ChaosKind::kCancel, 1);
  context_.chaos = &chaos;
  const auto caller = Make(MakeUnaryCaller);
  const CallOutcome outcome = Call(*caller);
  EXPECT_THAT(outcome.status, StatusIs(absl::StatusCode::kCancelled, ::testing::_));
  EXPECT_TRUE(outcome.provoked);
  EXPECT_EQ(chaos.disturbances(), 1);
}

TEST_F(HeldUnaryCallerTest, CallsInHasteAreProvoked) {
  Chaos chaos(ChaosKind::kShortDeadline, 1);
  context_.chaos = &chaos;
  const auto caller = Make(MakeUnaryCaller);
  const CallOutcome outcome = Call(*caller);
  EXPECT_THAT(outcome.status, StatusIs(absl::StatusCode::kDeadlineExceeded, ::testing::_));
  EXPECT_TRUE(outcome.provoked);
  EXPECT_EQ(chaos.disturbances(), 1);
}

TEST_F(UnaryCallerTest, RefusalsOfCallsInHasteAreProvoked) {
  grpc::StatusCode code = grpc::StatusCode::RESOURCE_EXHAUSTED;
  server_.service.on_compute = [&](grpc::ServerContext*, const v1::ComputeRequest&, v1::ComputeResponse*) {
    return grpc::Status(code, "it would be late");
  };
  Chaos chaos(ChaosKind::kShortDeadline, 1);
  context_.chaos = &chaos;
  const auto caller = Make(MakeUnaryCaller);
  EXPECT_TRUE(Call(*caller).provoked);
  code = grpc::StatusCode::DEADLINE_EXCEEDED;
  EXPECT_TRUE(Call(*caller).provoked);
  code = grpc::StatusCode::INTERNAL;
  while (true) {  // Until one comes before its deadline.
    const CallOutcome outcome = Call(*caller);
    if (outcome.status.code() != absl::StatusCode::kInternal) continue;
    EXPECT_FALSE(outcome.provoked);
    break;
  }
}

TEST_F(HeldUnaryCallerTest, ADeadlineThatChaosDoesNotShortenIsNotProvoked) {
  Chaos chaos(ChaosKind::kShortDeadline, 1);
  context_.chaos = &chaos;
  context_.timeout = absl::Microseconds(1);
  const auto caller = Make(MakeUnaryCaller);
  EXPECT_FALSE(Call(*caller).provoked);
}

TEST_F(HeldUnaryCallerTest, TheCallersOwnDeadlineIsNotProvoked) {
  context_.timeout = absl::Milliseconds(1);
  const auto caller = Make(MakeUnaryCaller);
  const CallOutcome outcome = Call(*caller);
  EXPECT_THAT(outcome.status, StatusIs(absl::StatusCode::kDeadlineExceeded, ::testing::_));
  EXPECT_FALSE(outcome.provoked);
}

}  // namespace
}  // namespace lossd::load
