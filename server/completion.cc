// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/completion.h"

#include <pthread.h>

#include <exception>
#include <utility>

namespace lossd {

struct CallQueue::Operation {
  CompletionHandler handler;
};

void* CallQueue::Tag(CompletionHandler handler) {
  absl::MutexLock lock(&mu_);
  ++operations_;
  return new Operation{std::move(handler)};
}

void CallQueue::Drop(void* tag) {
  // What the handler holds is let go of first: an idle queue is one that nothing refers to any more.
  delete static_cast<Operation*>(tag);
  absl::MutexLock lock(&mu_);
  --operations_;
}

void CallQueue::Run(Logger& logger) {
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
    try {
      std::move(static_cast<Operation*>(tag)->handler)(ok);
    } catch (const std::exception& error) {
      logger.Log(LogLevel::kError, "completion handler threw", {{"what", error.what()}});
    }
    Drop(tag);
  }
}

void CallQueue::AwaitIdle() {
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(this, &CallQueue::IsIdle));
}

CompletionThreads::CompletionThreads(std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues,
                                     int threads_per_queue, Logger& logger)
    : threads_per_queue_(threads_per_queue), logger_(logger) {
  for (auto& queue : queues) queues_.push_back(std::make_unique<CallQueue>(std::move(queue)));
}

CompletionThreads::~CompletionThreads() {
  for (const auto& queue : queues_) {
    if (!threads_.empty()) queue->AwaitIdle();
    queue->Shutdown();
    if (threads_.empty()) queue->Run(logger_);  // A queue must be drained before it is destroyed.
  }
  for (std::thread& thread : threads_) thread.join();
}

void CompletionThreads::Start() {
  for (const auto& queue : queues_) {
    for (int i = 0; i < threads_per_queue_; ++i) {
      threads_.emplace_back([this, &queue] {
        pthread_setname_np(pthread_self(), "lossd-rpc");
        queue->Run(logger_);
      });
    }
  }
}

}  // namespace lossd
