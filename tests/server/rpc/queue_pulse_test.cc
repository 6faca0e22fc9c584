// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/queue_pulse.h"

#include <chrono>
#include <memory>
#include <vector>

#include "absl/synchronization/notification.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

// Two queues of a server, and threads that have not started.
class QueuePulseTest : public ::testing::Test {
 protected:
  QueuePulseTest() {
    grpc::ServerBuilder builder;
    std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
    for (int i = 0; i < 2; ++i) queues.push_back(builder.AddCompletionQueue());
    server_ = builder.BuildAndStart();
    threads_ = std::make_unique<CompletionThreads>(std::move(queues), logger_);
    pulse_.Watch(threads_->queues());
  }
  ~QueuePulseTest() override {
    pulse_.Stop();
    server_->Shutdown();
  }

  // Waits until both queues have got to what was put into them before.
  void AwaitTurn() {
    for (const auto& queue : threads_->queues()) {
      absl::Notification ran;
      grpc::Alarm alarm;
      alarm.Set(queue->get(), std::chrono::system_clock::now(), queue->Tag([&ran](bool) { ran.Notify(); }));
      ran.WaitForNotification();
    }
  }

  Logger logger_{LogLevel::kError, LogFormat::kText, [](absl::string_view) {}};
  QueuePulse pulse_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<CompletionThreads> threads_;
};

TEST_F(QueuePulseTest, SaysNoUntilAllQueuesHaveHadTheirTurn) {
  EXPECT_TRUE(pulse_.KeepsUp());
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(pulse_.KeepsUp());
  threads_->Start();
  for (int i = 0; i < 10; ++i) {
    AwaitTurn();
    EXPECT_TRUE(pulse_.KeepsUp()) << i;
  }
}

TEST_F(QueuePulseTest, OneThreadThatIsBusyIsEnough) {
  threads_->Start();
  absl::Notification begun, over;
  grpc::Alarm alarm;
  CallQueue& queue = *threads_->queues()[1];
  alarm.Set(queue.get(), std::chrono::system_clock::now(), queue.Tag([&](bool) {
    begun.Notify();
    over.WaitForNotification();
  }));
  begun.WaitForNotification();
  EXPECT_TRUE(pulse_.KeepsUp());
  EXPECT_FALSE(pulse_.KeepsUp());
  over.Notify();
  AwaitTurn();
  EXPECT_TRUE(pulse_.KeepsUp());
}

TEST_F(QueuePulseTest, StoppedOnePutsNothingIn) {
  pulse_.Stop();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(pulse_.KeepsUp());
  threads_->Start();
  server_->Shutdown();
  threads_.reset();  // Its queues may be shut down now.
  EXPECT_TRUE(pulse_.KeepsUp());
}

TEST(QueuePulseUnwatchedTest, KeepsUpWithNothing) {
  QueuePulse pulse;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(pulse.KeepsUp());
}

}  // namespace
}  // namespace lossd
