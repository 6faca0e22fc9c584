// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/compute_stream.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "client/cpp/client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cpp/fake_loss_service.h"
#include "tests/support/status_matchers.h"

namespace lossd::client {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;

class ComputeStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ClientOptions options;
    options.initial_backoff = absl::Milliseconds(1);
    ASSERT_OK_AND_ASSIGN(client_, Client::Connect(server_.target(), options));
  }

  // Another client, with a stream's queue of that size.
  std::unique_ptr<Client> ClientWithQueue(int64_t max_queued_bytes) {
    ClientOptions options;
    options.max_queued_bytes = max_queued_bytes;
    return Client::Connect(server_.target(), options).value();
  }

  ComputeRequest Request(const std::vector<float>& x, std::string id = "") {
    ComputeRequest request;
    request.request_id = std::move(id);
    request.loss = SquaredNorm{};
    request.inputs = {InputTensor::Borrow<float>("x.0", {static_cast<int64_t>(x.size())}, x)};
    return request;
  }

  // Collects results by a name that the test gives.
  ComputeCallback Into(const std::string& name) {
    return [this, name](absl::StatusOr<ComputeResponse> result) {
      absl::MutexLock lock(&mu_);
      order_.push_back(name);
      results_.emplace(name, std::move(result));
    };
  }

  // Of the server's handlers, which end before these.
  absl::Notification entered_, proceed_;
  google::protobuf::Duration timeout_;
  FakeServer server_;
  std::unique_ptr<Client> client_;
  absl::Mutex mu_;
  std::vector<std::string> order_;
  std::map<std::string, absl::StatusOr<ComputeResponse>> results_;
};

TEST_F(ComputeStreamTest, MatchesAnswersThatComeInAnotherOrder) {
  server_.service.on_stream = [](FakeLossService::Stream* stream) {
    std::vector<v1::ComputeRequest> requests;
    v1::ComputeRequest request;
    while (stream->Read(&request)) requests.push_back(request);
    for (auto it = requests.rbegin(); it != requests.rend(); ++it) {
      v1::ComputeResponse response;
      AnswerSquaredNorm(*it, &response);
      stream->Write(response);
    }
    return grpc::Status::OK;
  };
  const auto stream = client_->OpenStream();
  const std::vector<float> one = {1}, two = {2}, three = {3};
  stream->Send(Request(one), Into("one"));
  stream->Send(Request(two, "b"), Into("two"));
  stream->Send(Request(three), Into("three"));
  EXPECT_OK(stream->Finish());
  EXPECT_THAT(order_, ElementsAre("three", "two", "one"));
  EXPECT_EQ(results_.at("one")->objective, 0.5);
  EXPECT_EQ(results_.at("two")->objective, 2);
  EXPECT_EQ(results_.at("two")->request_id, "b");
  EXPECT_EQ(results_.at("three")->objective, 4.5);
}

TEST_F(ComputeStreamTest, PipelinesLargeMessages) {
  const auto stream = client_->OpenStream();
  std::vector<std::vector<float>> inputs, gradients;
  for (int i = 0; i < 8; ++i) inputs.emplace_back(1 << 18, static_cast<float>(i));  // 1 MiB each.
  gradients.resize(8, std::vector<float>(1 << 18));
  for (int i = 0; i < 8; ++i) {
    ComputeRequest request = Request(inputs[i]);
    request.gradient_targets = {{"x.0", absl::MakeSpan(reinterpret_cast<std::byte*>(gradients[i].data()), 1 << 20)}};
    stream->Send(std::move(request), Into(std::to_string(i)));
  }
  EXPECT_OK(stream->Finish());
  EXPECT_THAT(results_, SizeIs(8));
  EXPECT_EQ(gradients, inputs);
}

TEST_F(ComputeStreamTest, AnErrorOfAMessageDoesNotEndTheStream) {
  server_.service.on_stream = [](FakeLossService::Stream* stream) {
    v1::ComputeRequest request;
    while (stream->Read(&request)) {
      v1::ComputeResponse response;
      AnswerSquaredNorm(request, &response);
      if (request.request_id() == "bad") *response.mutable_status() = Refusal("loss", "expected one, got none");
      stream->Write(response);
    }
    return grpc::Status::OK;
  };
  const auto stream = client_->OpenStream();
  const std::vector<float> x = {2};
  stream->Send(Request(x, "bad"), Into("bad"));
  stream->Send(Request(x, "good"), Into("good"));
  EXPECT_OK(stream->Finish());
  EXPECT_THAT(results_.at("bad"), StatusIs(absl::StatusCode::kInvalidArgument, "loss: expected one, got none"));
  EXPECT_EQ(DetailsOf(results_.at("bad").status()).field_violations.at(0).field, "loss");
  EXPECT_EQ(results_.at("good")->objective, 2);
}

TEST_F(ComputeStreamTest, RefusesAnIdThatIsUnderWay) {
  server_.service.on_stream = [this](FakeLossService::Stream* stream) {
    proceed_.WaitForNotification();
    return FakeLossService::AnswerEach(stream);
  };
  const auto stream = client_->OpenStream();
  const std::vector<float> x = {2};
  stream->Send(Request(x, "same"), Into("first"));
  stream->Send(Request(x, "same"), Into("second"));
  EXPECT_THAT(results_.at("second"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'same' is still under way")));
  proceed_.Notify();
  EXPECT_OK(stream->Finish());
  EXPECT_OK(results_.at("first"));
}

TEST_F(ComputeStreamTest, RefusesWhatItsQueueHasNoRoomFor) {
  server_.service.on_stream = [this](FakeLossService::Stream* stream) {
    proceed_.WaitForNotification();
    return FakeLossService::AnswerEach(stream);
  };
  const auto client = ClientWithQueue(4 << 20);
  const auto stream = client->OpenStream();
  const std::vector<float> x(1 << 18);  // 1 MiB; of the server's, only the transport takes a few.
  int sent = 0;
  while (results_.empty() && sent < 100) stream->Send(Request(x), Into(std::to_string(sent++)));
  EXPECT_GT(sent, 3);
  EXPECT_THAT(results_,
              ElementsAre(Pair(std::to_string(sent - 1),
                               StatusIs(absl::StatusCode::kResourceExhausted,
                                        HasSubstr("max_queued_bytes: expected at most 4194304 bytes, got ")))));
  proceed_.Notify();
  EXPECT_OK(stream->Finish());
  for (int i = 0; i < sent - 1; ++i) EXPECT_OK(results_.at(std::to_string(i)));
}

TEST_F(ComputeStreamTest, HasRoomAgainForEveryMessageThatIsSent) {
  const auto client = ClientWithQueue(4 << 20);
  const auto stream = client->OpenStream();
  const std::vector<float> x(1 << 18);
  for (int i = 0; i < 12; ++i) {
    absl::Notification answered;
    stream->Send(Request(x), [&](const absl::StatusOr<ComputeResponse>& result) {
      EXPECT_OK(result);
      answered.Notify();
    });
    answered.WaitForNotification();
  }
  EXPECT_OK(stream->Finish());
}

TEST_F(ComputeStreamTest, SendsAMessageLargerThanItsQueueAlone) {
  const auto client = ClientWithQueue(1);
  const auto stream = client->OpenStream();
  const std::vector<float> x(1 << 18);
  stream->Send(Request(x), Into("x"));
  EXPECT_OK(stream->Finish());
  EXPECT_OK(results_.at("x"));
}

TEST_F(ComputeStreamTest, ABrokenStreamAnswersEveryMessage) {
  server_.service.on_stream = [](FakeLossService::Stream* stream) {
    v1::ComputeRequest request;
    stream->Read(&request);
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "draining");
  };
  const auto stream = client_->OpenStream();
  const std::vector<float> x(1 << 20);
  for (int i = 0; i < 5; ++i) stream->Send(Request(x), Into(std::to_string(i)));
  EXPECT_THAT(stream->Finish(), StatusIs(absl::StatusCode::kUnavailable, "draining"));
  EXPECT_THAT(results_, SizeIs(5));
  for (const auto& [name, result] : results_) EXPECT_THAT(result, StatusIs(absl::StatusCode::kUnavailable));
  stream->Send(Request(x), Into("late"));
  EXPECT_FALSE(results_.at("late").ok());
}

TEST_F(ComputeStreamTest, ABrokenStreamAnswersWhatItsCallbacksSend) {
  server_.service.on_stream = [](FakeLossService::Stream* stream) {
    v1::ComputeRequest request;
    stream->Read(&request);
    return grpc::Status(grpc::StatusCode::INTERNAL, "a bug");
  };
  const auto stream = client_->OpenStream();
  const std::vector<float> x = {1};
  absl::Notification answered;
  stream->Send(Request(x), [&](absl::StatusOr<ComputeResponse> result) {
    Into("first")(std::move(result));
    stream->Send(Request(x), Into("again"));
    answered.Notify();
  });
  answered.WaitForNotification();
  EXPECT_THAT(stream->Finish(), StatusIs(absl::StatusCode::kInternal, "a bug"));
  EXPECT_THAT(order_, ElementsAre("first", "again"));
  for (const auto& [name, result] : results_) EXPECT_THAT(result, StatusIs(absl::StatusCode::kInternal, "a bug"));
}

TEST_F(ComputeStreamTest, AServerThatForgetsAMessageIsAtFault) {
  server_.service.on_stream = [](FakeLossService::Stream* stream) {
    v1::ComputeRequest request;
    while (stream->Read(&request)) {
    }
    return grpc::Status::OK;
  };
  const auto stream = client_->OpenStream();
  const std::vector<float> x = {1};
  stream->Send(Request(x), Into("x"));
  EXPECT_OK(stream->Finish());
  EXPECT_THAT(results_.at("x"), StatusIs(absl::StatusCode::kInternal, HasSubstr("without an answer")));
}

TEST_F(ComputeStreamTest, AnAnswerToNobodyEndsTheStream) {
  server_.service.on_stream = [](FakeLossService::Stream* stream) {
    v1::ComputeRequest request;
    stream->Read(&request);
    v1::ComputeResponse response;
    response.set_request_id("nobody");
    stream->Write(response);
    while (stream->Read(&request)) {
    }
    return grpc::Status::OK;
  };
  const auto stream = client_->OpenStream();
  const std::vector<float> x = {1};
  stream->Send(Request(x), Into("x"));
  EXPECT_THAT(stream->Finish(), StatusIs(absl::StatusCode::kInternal, HasSubstr("'nobody'")));
  EXPECT_THAT(results_.at("x"), StatusIs(absl::StatusCode::kInternal));
}

TEST_F(ComputeStreamTest, DestructionCancelsAndAnswersWhatIsUnderWay) {
  server_.service.on_stream = [this](FakeLossService::Stream* stream) {
    v1::ComputeRequest request;
    stream->Read(&request);
    entered_.Notify();
    proceed_.WaitForNotification();
    return grpc::Status::OK;
  };
  auto stream = client_->OpenStream();
  const std::vector<float> x = {1};
  stream->Send(Request(x), Into("x"));
  entered_.WaitForNotification();
  stream.reset();
  EXPECT_THAT(results_.at("x"), StatusIs(absl::StatusCode::kCancelled));
  proceed_.Notify();
}

TEST_F(ComputeStreamTest, RefusesMessagesAfterFinish) {
  const auto stream = client_->OpenStream();
  EXPECT_OK(stream->Finish());
  const std::vector<float> x = {1};
  stream->Send(Request(x), Into("x"));
  EXPECT_THAT(results_.at("x"), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(ComputeStreamTest, SendsTimeoutsInTheMessage) {
  server_.service.on_stream = [this](FakeLossService::Stream* stream) {
    v1::ComputeRequest request;
    while (stream->Read(&request)) {
      timeout_ = request.options().timeout();
      v1::ComputeResponse response;
      AnswerSquaredNorm(request, &response);
      stream->Write(response);
    }
    return grpc::Status::OK;
  };
  const auto stream = client_->OpenStream();
  const std::vector<float> x = {1};
  ComputeRequest request = Request(x);
  request.timeout = absl::Milliseconds(2500);
  stream->Send(std::move(request), Into("x"));
  EXPECT_OK(stream->Finish());
  EXPECT_EQ(timeout_.seconds(), 2);
  EXPECT_EQ(timeout_.nanos(), 500000000);
}

}  // namespace
}  // namespace lossd::client
