// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Runs the events of a client's calls on a thread of its own.

#ifndef LOSSD_CLIENT_CPP_EVENT_LOOP_H_
#define LOSSD_CLIENT_CPP_EVENT_LOOP_H_

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <thread>

#include "absl/functional/any_invocable.h"

namespace lossd::client {

// What a completion queue's tag points to.
class Event {
 public:
  virtual ~Event() = default;
  // Called on the loop's thread, with no lock held; `ok` as gRPC says for the operation. May destroy this. Must not
  // block on what another event brings, nor throw.
  virtual void OnEvent(bool ok) = 0;
};

// A completion queue and the thread that serves it, one event after another: what takes long in one holds up all calls
// of the client. Tags are Event*, which live until they are reported. Thread-safe. Destruction ends the thread;
// precondition: no operation is under way, nor any work of Run. Not on that thread.
class EventLoop {
 public:
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  grpc::CompletionQueue* queue() { return &queue_; }

  // Runs `work` on the loop's thread, soon, by way of a gRPC alarm. May be called from anywhere, also from within gRPC
  // and with locks held. Allocates.
  void Run(absl::AnyInvocable<void() &&> work);

 private:
  void Serve();

  grpc::CompletionQueue queue_;
  std::thread thread_;
};

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_EVENT_LOOP_H_
