// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/completion.h"

#include <pthread.h>

#include <exception>
#if defined(LOSSD_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif
#include <utility>

namespace lossd {

struct CallQueue::Operation {
  CompletionHandler handler;
};

namespace {

// What is done before an operation starts comes before what follows it. gRPC sees to that; these tell ThreadSanitizer,
// which does not see how.
void TellStart([[maybe_unused]] void* tag) {
#if defined(LOSSD_THREAD_SANITIZER)
  __tsan_release(tag);
#endif
}

void TellEnd([[maybe_unused]] void* tag) {
#if defined(LOSSD_THREAD_SANITIZER)
  __tsan_acquire(tag);
#endif
}

}  // namespace

void* CallQueue::Tag(CompletionHandler handler) {
  operations_.fetch_add(1, std::memory_order_relaxed);
  void* const tag = new Operation{std::move(handler)};
  TellStart(tag);
  return tag;
}

void CallQueue::Drop(void* tag) {
  // What the handler holds is let go of first: an idle queue is one that nothing refers to any more.
  delete static_cast<Operation*>(tag);
  if (operations_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  absl::MutexLock lock(&mu_);  // Whoever waits for it looks again.
}

void CallQueue::Run(Logger& logger, absl::Duration pause) {
  void* tag = nullptr;
  bool ok = false;
  const auto carry_out = [&] {
    if (tag == nullptr) return;
    TellEnd(tag);
    try {
      std::move(static_cast<Operation*>(tag)->handler)(ok);
    } catch (const std::exception& error) {
      logger.Log(LogLevel::kError, "completion handler threw", {{"what", error.what()}});
    }
    Drop(std::exchange(tag, nullptr));
  };
  const auto wait =
      pause > absl::ZeroDuration() ? gpr_time_0(GPR_CLOCK_MONOTONIC) : gpr_inf_future(GPR_CLOCK_MONOTONIC);
  while (true) {
    // An operation that a handler starts and that is complete at once, such as reading a message that is there, comes
    // back to the same thread. With Next, another thread would be woken for it.
    const auto status = queue_->DoThenAsyncNext(carry_out, &tag, &ok, wait);
    if (status == grpc::CompletionQueue::SHUTDOWN) return;
    // gRPC leaves a tag behind that is none of ours where it has dealt with an event itself and then found no other.
    if (status != grpc::CompletionQueue::GOT_EVENT) tag = nullptr;
    // Unlike a timed wait of absl::Mutex this goes on when the wall clock is set back.
    if (status == grpc::CompletionQueue::TIMEOUT) std::this_thread::sleep_for(absl::ToChronoNanoseconds(pause));
  }
}

void CallQueue::AwaitIdle() {
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(this, &CallQueue::IsIdle));
}

CompletionThreads::CompletionThreads(std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues, Logger& logger,
                                     absl::Duration pause)
    : logger_(logger), pause_(pause) {
  for (auto& queue : queues) queues_.push_back(std::make_unique<CallQueue>(std::move(queue)));
}

CompletionThreads::~CompletionThreads() {
  for (const auto& queue : queues_) {
    if (!threads_.empty()) queue->AwaitIdle();
    queue->Shutdown();
    if (threads_.empty()) queue->Run(logger_, pause_);  // A queue must be drained before it is destroyed.
  }
  for (std::thread& thread : threads_) thread.join();
}

void CompletionThreads::Start() {
  for (const auto& queue : queues_) {
    threads_.emplace_back([this, &queue] {
      pthread_setname_np(pthread_self(), "lossd-rpc");
      queue->Run(logger_, pause_);
    });
  }
}

}  // namespace lossd
