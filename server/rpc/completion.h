// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Threads that carry out what completion queues report.

#ifndef LOSSD_SERVER_RPC_COMPLETION_H_
#define LOSSD_SERVER_RPC_COMPLETION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/completion_queue.h"
#include "server/log/logger.h"

namespace lossd {

// What follows an operation; `ok` is what the completion queue says of it.
using CompletionHandler = absl::AnyInvocable<void(bool ok) &&>;

// A completion queue that knows how many operations are under way on it. Thread-safe.
class CallQueue {
 public:
  explicit CallQueue(std::unique_ptr<grpc::ServerCompletionQueue> queue) : queue_(std::move(queue)) {}
  CallQueue(const CallQueue&) = delete;
  CallQueue& operator=(const CallQueue&) = delete;

  grpc::ServerCompletionQueue* get() const { return queue_.get(); }

  // A tag for one operation on this queue, which allocates. `handler` is called once, when the operation is reported,
  // on the thread in Run and with no lock held; it must not throw, nor block: what else the queue reports waits for it.
  // What it holds is destroyed right after.
  void* Tag(CompletionHandler handler);
  // Destroys the handler of a tag that will not be reported, uncalled.
  void Drop(void* tag);

  // Calls handlers until the queue is shut down and empty. One that throws, which it must not, is logged. `pause`: see
  // CompletionThreads.
  void Run(Logger& logger, absl::Duration pause);
  // Waits until no operation is under way and no handler runs. Not from a handler.
  void AwaitIdle();
  // No operation may be started from now on.
  void Shutdown() { queue_->Shutdown(); }

 private:
  struct Operation;

  bool IsIdle() const { return operations_.load(std::memory_order_acquire) == 0; }

  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::atomic<int64_t> operations_ = 0;
  absl::Mutex mu_;  // Taken where operations_ becomes 0, for AwaitIdle.
};

// Owns queues and the threads that wait on them, one a queue, so that the completions of a call, which stays on its
// queue, come one after another. Order of a server's life:
//   1. this, of the queues that the builder gave, before the server starts;
//   2. the server starts, calls are waited for (RpcCall::Await), then Start;
//   3. grpc::Server::Shutdown: what is waited for is reported as !ok, and calls end;
//   4. ~CompletionThreads, then ~Server.
// Thread-safe.
class CompletionThreads {
 public:
  // All threads of a process that wait in queues, of whatever server, take turns at one epoll set: one that returns
  // with an event wakes another one to wait in its place, which costs a busy server up to half of its calls. Threads
  // with a `pause` do not wait in their queue but look at it so often; meanwhile the threads without one move their
  // bytes. `logger` is not owned and outlives this.
  CompletionThreads(std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues, Logger& logger,
                    absl::Duration pause = absl::ZeroDuration());
  CompletionThreads(const CompletionThreads&) = delete;
  CompletionThreads& operator=(const CompletionThreads&) = delete;
  // Waits for what is under way, then ends the threads. Precondition: the server of these queues was shut down, and
  // only handlers start operations now.
  ~CompletionThreads();

  const std::vector<std::unique_ptr<CallQueue>>& queues() const { return queues_; }
  // Starts waiting; call once, after the server has started.
  void Start();

 private:
  Logger& logger_;
  const absl::Duration pause_;
  std::vector<std::unique_ptr<CallQueue>> queues_;
  std::vector<std::thread> threads_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_RPC_COMPLETION_H_
