// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/unary_call.h"

#include <memory>
#include <vector>

#include "absl/synchronization/notification.h"
#include "client/cpp/channel.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cpp/fake_loss_service.h"
#include "tests/support/status_matchers.h"

namespace lossd::client {
namespace {

using ::lossd::testing::StatusIs;

class AsyncUnaryCallTest : public ::testing::Test {
 protected:
  FakeServer server_;
  const ClientOptions options_ = {};
  const MessageLimit limit_{options_};
  EventLoop loop_;
  CallRegistry registry_;
  BufferPool pool_{1 << 20};
  grpc::GenericStub stub_{MakeChannels(server_.target(), options_).front()};
};

TEST_F(AsyncUnaryCallTest, GivesLentMemoryBackBeforeItDelivers) {
  // 4 MiB: more than gRPC sends in one write.
  auto x = std::make_unique<std::vector<float>>(1 << 20, 1.0f);
  ComputeRequest request;
  request.inputs = {InputTensor::Borrow<float>("x.0", {1 << 20}, *x)};
  absl::Notification done;
  std::make_shared<AsyncUnaryCall>(&loop_, &registry_, &pool_, std::move(request),
                                   [&](const absl::StatusOr<ComputeResponse>& result) {
                                     EXPECT_OK(result);
                                     x.reset();
                                     done.Notify();
                                   })
      ->Start(stub_, options_, limit_);
  done.WaitForNotification();
  registry_.CancelAllAndWait();
}

TEST_F(AsyncUnaryCallTest, AnswersARequestThatCannotBeEncodedAtOnce) {
  ComputeRequest request;
  request.inputs = {{{"x.0", DType::kFloat32, {1}}, {}, nullptr}};
  bool answered = false;
  std::make_shared<AsyncUnaryCall>(&loop_, &registry_, &pool_, std::move(request),
                                   [&](const absl::StatusOr<ComputeResponse>& result) {
                                     EXPECT_THAT(result, StatusIs(absl::StatusCode::kInvalidArgument));
                                     answered = true;
                                   })
      ->Start(stub_, options_, limit_);
  EXPECT_TRUE(answered);
  registry_.CancelAllAndWait();
}

}  // namespace
}  // namespace lossd::client
