// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/completion.h"

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
  CompletionTest() {
    grpc::ServerBuilder builder;
    std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
    queues.push_back(builder.AddCompletionQueue());
    server_ = builder.BuildAndStart();
    logger_ = std::make_unique<Logger>(LogLevel::kInfo, LogFormat::kText,
                                       [this](absl::string_view lines) { log_ += std::string(lines); });
    threads_ = std::make_unique<CompletionThreads>(std::move(queues), 2, *logger_);
  }
  ~CompletionTest() override { Stop(); }

  void Post(grpc::Alarm& alarm, CompletionHandler handler) {
    alarm.Set(threads_->queues()[0].get(), std::chrono::system_clock::now(), CompletionTag(std::move(handler)));
  }
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
  Post(alarm, [owned, &ran](bool ok) {
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
  Post(first, [](bool) { throw std::runtime_error("oops"); });
  Post(second, [&ran](bool) { ran.Notify(); });
  ran.WaitForNotification();
  Stop();
  EXPECT_THAT(log_, HasSubstr("oops"));
}

TEST_F(CompletionTest, QueueThatNeverStartedIsDrained) {
  const auto owned = std::make_shared<int>(0);
  grpc::Alarm alarm;
  Post(alarm, [owned](bool) { ++*owned; });
  Stop();
  EXPECT_EQ(*owned, 1);
}

TEST_F(CompletionTest, DroppedTagFreesItsHandler) {
  const auto owned = std::make_shared<int>(0);
  DropCompletionTag(CompletionTag([owned](bool) {}));
  EXPECT_EQ(owned.use_count(), 1);
}

}  // namespace
}  // namespace lossd
