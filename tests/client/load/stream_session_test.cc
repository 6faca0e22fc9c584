// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/stream_session.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/load/load_fixture.h"

namespace lossd::load {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;

// Sends messages and collects the ends of their calls.
class StreamSessionTest : public CallerTest {
 protected:
  void Open() {
    session_ = std::make_shared<StreamSession>(context_);
    session_->Open(stub_, loop_.queue());
  }
  bool Send(int name) {
    Caller::Done done = [this, name](CallOutcome outcome) {
      absl::MutexLock lock(&mu_);
      ended_.push_back(name);
      outcomes_.push_back(std::move(outcome));
    };
    return session_->Send(RealClock().TimeNow(), done);
  }
  void AwaitEnds(size_t calls) {
    absl::MutexLock lock(&mu_);
    const auto enough = [&] { return ended_.size() >= calls; };
    mu_.Await(absl::Condition(&enough));
  }

  grpc::GenericStub stub_{client::MakeChannels(server_.target(), {}).front()};
  std::shared_ptr<StreamSession> session_;
  absl::Mutex mu_;
  std::vector<int> ended_;
  std::vector<CallOutcome> outcomes_;
};

TEST_F(StreamSessionTest, AnswersFindTheirCallsInAnyOrder) {
  server_.service.on_stream = [](client::FakeLossService::Stream* stream) {
    std::vector<v1::ComputeRequest> requests(3);
    for (v1::ComputeRequest& request : requests) stream->Read(&request);
    for (const int i : {2, 0, 1}) {
      v1::ComputeResponse response;
      client::AnswerSquaredNorm(requests[static_cast<size_t>(i)], &response);
      stream->Write(response);
    }
    return grpc::Status::OK;
  };
  Open();
  for (const int name : {0, 1, 2}) EXPECT_TRUE(Send(name));
  AwaitEnds(3);
  EXPECT_THAT(ended_, ElementsAre(2, 0, 1));
  for (const CallOutcome& outcome : outcomes_) EXPECT_OK(outcome.status);
  session_->Close();
}

TEST_F(StreamSessionTest, WhatIsOutstandingEndsWithTheStream) {
  server_.service.on_stream = [](client::FakeLossService::Stream* stream) {
    v1::ComputeRequest request;
    stream->Read(&request);
    stream->Read(&request);
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "enough");
  };
  Open();
  EXPECT_TRUE(Send(0));
  EXPECT_TRUE(Send(1));
  AwaitEnds(2);
  for (const CallOutcome& outcome : outcomes_) {
    EXPECT_THAT(outcome.status, StatusIs(absl::StatusCode::kResourceExhausted, "enough"));
  }
  session_->Close();
  EXPECT_FALSE(Send(2));
}

TEST_F(StreamSessionTest, SlowReadersStillGetTheirAnswersAndAreCounted) {
  Chaos chaos(ChaosKind::kSlowReader, 1);
  context_.chaos = &chaos;
  const auto check = SmallCheck();
  context_.check = check.get();
  Open();
  EXPECT_TRUE(Send(0));
  AwaitEnds(1);
  EXPECT_OK(outcomes_[0].status);
  EXPECT_EQ(outcomes_[0].check, CallOutcome::Check::kEqual);
  EXPECT_GE(chaos.disturbances(), 1);
  session_->Close();
}

}  // namespace
}  // namespace lossd::load
