// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Threads that carry out what completion queues report.

#ifndef LOSSD_SERVER_COMPLETION_H_
#define LOSSD_SERVER_COMPLETION_H_

#include <memory>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "grpcpp/completion_queue.h"
#include "server/logger.h"

namespace lossd {

// What follows an operation; `ok` is what the completion queue says of it.
using CompletionHandler = absl::AnyInvocable<void(bool ok) &&>;

// A tag for one operation. CompletionThreads calls `handler` once and frees it.
void* CompletionTag(CompletionHandler handler);

// Frees a tag that no queue will report.
void DropCompletionTag(void* tag);

// Owns completion queues and the threads that wait on them, `threads_per_queue` each. Handlers must not throw; one that
// does is logged. Thread-safe.
class CompletionThreads {
 public:
  // `logger` is not owned and outlives this.
  CompletionThreads(std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues, int threads_per_queue,
                    Logger& logger);
  CompletionThreads(const CompletionThreads&) = delete;
  CompletionThreads& operator=(const CompletionThreads&) = delete;
  // Precondition: the server of these queues was shut down.
  ~CompletionThreads();

  const std::vector<std::unique_ptr<grpc::ServerCompletionQueue>>& queues() const { return queues_; }
  // Starts waiting; call once, after the server has started.
  void Start();

 private:
  void Run(grpc::ServerCompletionQueue& queue);

  const std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues_;
  const int threads_per_queue_;
  Logger& logger_;
  std::vector<std::thread> threads_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_COMPLETION_H_
