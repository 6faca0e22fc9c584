// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/completion.h"

#include <pthread.h>

#include <exception>
#include <utility>

namespace lossd {
namespace {

struct Tag {
  CompletionHandler handler;
};

}  // namespace

void* CompletionTag(CompletionHandler handler) { return new Tag{std::move(handler)}; }

void DropCompletionTag(void* tag) { delete static_cast<Tag*>(tag); }

CompletionThreads::CompletionThreads(std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues,
                                     int threads_per_queue, Logger& logger)
    : queues_(std::move(queues)), threads_per_queue_(threads_per_queue), logger_(logger) {}

CompletionThreads::~CompletionThreads() {
  for (const auto& queue : queues_) queue->Shutdown();
  if (threads_.empty()) {
    for (const auto& queue : queues_) Run(*queue);  // A queue must be drained before it is destroyed.
  }
  for (std::thread& thread : threads_) thread.join();
}

void CompletionThreads::Start() {
  for (const auto& queue : queues_) {
    for (int i = 0; i < threads_per_queue_; ++i) {
      threads_.emplace_back([this, &queue] {
        pthread_setname_np(pthread_self(), "lossd-rpc");
        Run(*queue);
      });
    }
  }
}

void CompletionThreads::Run(grpc::ServerCompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
    const std::unique_ptr<Tag> owned(static_cast<Tag*>(tag));
    try {
      std::move(owned->handler)(ok);
    } catch (const std::exception& error) {
      logger_.Log(LogLevel::kError, "completion handler threw", {{"what", error.what()}});
    }
  }
}

}  // namespace lossd
