// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/completion.h"

#include <stdexcept>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "grpcpp/alarm.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

using ::testing::HasSubstr;

// Owns what the handlers of a test run on.
class CompletionTest : public ::testing::Test {
 protected:
  explicit CompletionTest(absl::Duration pause = absl::ZeroDuration()) {
    grpc::ServerBuilder builder;
    std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
    queues.push_back(builder.AddCompletionQueue());
    server_ = builder.BuildAndStart();
    logger_ = std::make_unique<Logger>(LogLevel::kInfo, LogFormat::kText,
                                       [this](absl::string_view lines) { log_ += std::string(lines); });
    threads_ = std::make_unique<CompletionThreads>(std::move(queues), *logger_, pause);
  }
  ~CompletionTest() override { Stop(); }

  static void Post(CallQueue& queue, grpc::Alarm& alarm, CompletionHandler handler) {
    alarm.Set(queue.get(), std::chrono::system_clock::now(), queue.Tag(std::move(handler)));
  }
  CallQueue& queue() { return *threads_->queues()[0]; }
  void Stop() {
    server_->Shutdown();
    threads_.reset();
    logger_.reset();
  }

  std::string log_;
  std::unique_ptr<Logger> logger_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<CompletionThreads> threads_;
};

TEST_F(CompletionTest, HandlerRunsOnceAndIsFreed) {
  const auto owned = std::make_shared<int>(0);
  absl::Notification ran;
  grpc::Alarm alarm;
  Post(queue(), alarm, [owned, &ran](bool ok) {
    EXPECT_TRUE(ok);
    ++*owned;
    ran.Notify();
  });
  threads_->Start();
  ran.WaitForNotification();
  Stop();
  EXPECT_EQ(*owned, 1);
  EXPECT_EQ(owned.use_count(), 1);
}

TEST_F(CompletionTest, HandlerThatThrowsIsLoggedAndTheThreadGoesOn) {
  grpc::Alarm first;
  grpc::Alarm second;
  absl::Notification ran;
  threads_->Start();
  Post(queue(), first, [](bool) { throw std::runtime_error("oops"); });
  Post(queue(), second, [&ran](bool) { ran.Notify(); });
  ran.WaitForNotification();
  Stop();
  EXPECT_THAT(log_, HasSubstr("oops"));
}

TEST_F(CompletionTest, QueueThatNeverStartedIsDrained) {
  const auto owned = std::make_shared<int>(0);
  grpc::Alarm alarm;
  Post(queue(), alarm, [owned](bool) { ++*owned; });
  Stop();
  EXPECT_EQ(*owned, 1);
}

TEST_F(CompletionTest, EndWaitsForOperationsThatHandlersStart) {
  int ran = 0;
  grpc::Alarm first;
  grpc::Alarm second;
  Post(queue(), first, [&, &queue = queue()](bool) {
    ++ran;
    Post(queue, second, [&](bool) { ++ran; });
  });
  threads_->Start();
  Stop();
  EXPECT_EQ(ran, 2);
}

TEST_F(CompletionTest, DroppedTagFreesItsHandler) {
  const auto owned = std::make_shared<int>(0);
  queue().Drop(queue().Tag([owned](bool) {}));
  EXPECT_EQ(owned.use_count(), 1);
}

// Threads that only look at their queue now and then.
class PausingCompletionTest : public CompletionTest {
 protected:
  PausingCompletionTest() : CompletionTest(absl::Milliseconds(1)) {}
};

TEST_F(PausingCompletionTest, CarriesOutWhatComesAndWhatThatStarts) {
  threads_->Start();
  grpc::Alarm first;
  grpc::Alarm second;
  absl::Notification ran;
  Post(queue(), first, [&, &queue = queue()](bool) { Post(queue, second, [&](bool) { ran.Notify(); }); });
  ran.WaitForNotification();
}

TEST_F(PausingCompletionTest, EndWaitsForWhatIsUnderWay) {
  int ran = 0;
  grpc::Alarm alarm;
  threads_->Start();
  Post(queue(), alarm, [&](bool) { ++ran; });
  Stop();
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace lossd
