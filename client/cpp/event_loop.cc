// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/event_loop.h"

#include <utility>

namespace lossd::client {
namespace {

// Deletes itself when it has run.
class Work : public Event {
 public:
  explicit Work(absl::AnyInvocable<void() &&> work) : work_(std::move(work)) {}

  void Schedule(grpc::CompletionQueue* queue) { alarm_.Set(queue, gpr_time_0(GPR_CLOCK_MONOTONIC), this); }

  void OnEvent(bool) override {
    std::move(work_)();
    delete this;
  }

 private:
  absl::AnyInvocable<void() &&> work_;
  grpc::Alarm alarm_;
};

}  // namespace

EventLoop::EventLoop() : thread_([this] { Serve(); }) {}

EventLoop::~EventLoop() {
  queue_.Shutdown();
  thread_.join();
}

void EventLoop::Run(absl::AnyInvocable<void() &&> work) { (new Work(std::move(work)))->Schedule(&queue_); }

void EventLoop::Serve() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) static_cast<Event*>(tag)->OnEvent(ok);
}

}  // namespace lossd::client
