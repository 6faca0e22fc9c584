// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// One unary Compute call: request bytes out, answer in, memory given back.

#ifndef LOSSD_CLIENT_CPP_UNARY_CALL_H_
#define LOSSD_CLIENT_CPP_UNARY_CALL_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "client/cpp/call_registry.h"
#include "client/cpp/client.h"
#include "client/cpp/event_loop.h"
#include "client/cpp/payload_hold.h"
#include "core/tensor/buffer_pool.h"

namespace lossd::client {

// The gRPC call itself. Not thread-safe, but for Cancel.
class UnaryExchange {
 public:
  // Encodes `request` and starts the call on `queue`, where `tag` appears when it has ended. On failure nothing was
  // started. `request`'s memory must stay valid until Release or ReleaseAndWait has said so.
  absl::Status Start(grpc::GenericStub& stub, grpc::CompletionQueue& queue, const ClientOptions& options,
                     const ComputeRequest& request, void* tag);
  void Cancel();
  // The result; to be called once, after the tag appeared. Lets go of everything that gRPC holds for this call.
  absl::StatusOr<ComputeResponse> Finish(const std::vector<GradientTarget>& targets, BufferPool& pool);
  PayloadHold& hold() { return hold_; }

 private:
  PayloadHold hold_;
  absl::Mutex mu_;
  std::unique_ptr<grpc::ClientContext> context_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader_ ABSL_GUARDED_BY(mu_);
  grpc::ByteBuffer answer_;
  grpc::Status status_;
};

// A call whose result goes to a callback, on the loop's thread.
class AsyncUnaryCall : public CancellableCall, public Event, public std::enable_shared_from_this<AsyncUnaryCall> {
 public:
  // All but the callback are not owned and outlive the call.
  AsyncUnaryCall(EventLoop* loop, CallRegistry* registry, BufferPool* pool, ComputeRequest request,
                 ComputeCallback done);

  // Registers and starts the call; a request that cannot be encoded is answered at once, on this thread.
  void Start(grpc::GenericStub& stub, const ClientOptions& options);
  void Cancel() override { exchange_.Cancel(); }
  void OnEvent(bool ok) override;

 private:
  void Deliver();

  EventLoop* const loop_;
  CallRegistry* const registry_;
  BufferPool* const pool_;
  const ComputeRequest request_;
  ComputeCallback done_;
  UnaryExchange exchange_;
  absl::StatusOr<ComputeResponse> result_;
};

// Sets the deadline and metadata that `options` and `timeout` ask for.
void Configure(grpc::ClientContext& context, const ClientOptions& options, absl::Duration timeout);

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_UNARY_CALL_H_
