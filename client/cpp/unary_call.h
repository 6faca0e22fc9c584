// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// One unary call with all its attempts: request bytes out, answer in, memory given back.

#ifndef LOSSD_CLIENT_CPP_UNARY_CALL_H_
#define LOSSD_CLIENT_CPP_UNARY_CALL_H_

#include <grpcpp/alarm.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "client/cpp/attempts.h"
#include "client/cpp/call_registry.h"
#include "client/cpp/client.h"
#include "client/cpp/event_loop.h"
#include "client/cpp/message_limit.h"
#include "client/cpp/payload_hold.h"
#include "core/tensor/buffer_pool.h"

namespace lossd::client {

// The full names of the unary methods.
inline constexpr char kComputeMethod[] = "/lossd.v1.LossService/Compute";
inline constexpr char kServerInfoMethod[] = "/lossd.v1.LossService/GetServerInfo";

// The gRPC calls themselves: attempts, and between them pauses and, where there was no connection, a probe that waits
// for one. One of these at a time is under way. Not thread-safe, but for Cancel.
//
//    Start -> kAttempt -- answered, failed for good, or cancelled --------> ended: Finish
//              ^   '----- failed, and may be made again (Attempts) -> kPause -- cancelled --> ended
//              |                                                         |
//              |<--- the server had answered ----------------------------|
//              '<--- kProbe <--- there was no connection ----------------'
//
// Each arrow but the first is an Advance. The probe is a health check that gRPC holds until there is a connection, or
// until patience or the deadline ends: so an attempt is made as soon as one can succeed, not at the next pause's end.
class UnaryExchange {
 public:
  // Calls `method` on `queue`, where `tag` appears whenever Advance is due. `stub`, `queue`, `options` and `method` are
  // not owned and outlive the call. `request` is kept until Finish, so that it can be sent again. INVALID_ARGUMENT, and
  // nothing was started, if `timeout` is not positive; one of a year or more is none.
  absl::Status Start(grpc::GenericStub& stub, grpc::CompletionQueue& queue, const ClientOptions& options,
                     const char* method, grpc::ByteBuffer request, absl::Duration timeout, void* tag);
  // To be called whenever the tag has appeared, by one thread at a time. Returns false once the call has ended; else
  // the tag will appear again.
  bool Advance();
  // Ends the call soon, with CANCELLED unless it has ended otherwise; the tag appears as ever. On any thread, once
  // Start has returned.
  void Cancel();
  // The answer; to be called once, after the call has ended. Lets go of everything that gRPC holds for it.
  absl::StatusOr<grpc::ByteBuffer> Finish();
  // Of the memory that the request's bytes borrow.
  PayloadHold& hold() { return hold_; }

 private:
  enum class Phase { kAttempt, kPause, kProbe };

  // Begins an RPC that has to end by `deadline`, and waits for a connection or, else, fails where there is none.
  void Call(const char* method, const grpc::ByteBuffer& request, absl::Time deadline, bool wait_for_connection)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Attempt() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Looks at how an attempt ended. False: that was the last.
  bool PauseAfterAttempt() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  PayloadHold hold_;
  grpc::GenericStub* stub_ = nullptr;
  grpc::CompletionQueue* queue_ = nullptr;
  const ClientOptions* options_ = nullptr;
  const char* method_ = nullptr;
  void* tag_ = nullptr;
  grpc::ByteBuffer answer_;
  grpc::Status status_;

  absl::Mutex mu_;
  grpc::ByteBuffer request_ ABSL_GUARDED_BY(mu_);
  std::optional<Attempts> attempts_ ABSL_GUARDED_BY(mu_);
  Phase phase_ ABSL_GUARDED_BY(mu_) = Phase::kAttempt;
  bool probe_first_ ABSL_GUARDED_BY(mu_) = false;  // Before the next attempt.
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status result_ ABSL_GUARDED_BY(mu_);  // Of the last attempt.
  std::unique_ptr<grpc::ClientContext> context_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader_ ABSL_GUARDED_BY(mu_);
  std::optional<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mu_);
};

// A message of no bytes, which gRPC does not take for none.
grpc::ByteBuffer EmptyMessage();

// Encodes `request` and starts the exchange; see EncodeRequest and UnaryExchange::Start. `request`'s memory must stay
// valid until the exchange's hold has been released.
absl::Status StartCompute(UnaryExchange& exchange, grpc::GenericStub& stub, grpc::CompletionQueue& queue,
                          const ClientOptions& options, const MessageLimit& limit, const ComputeRequest& request,
                          void* tag);

// The response of an exchange of Compute that has ended, its gradients copied into `targets` or memory of `pool`.
absl::StatusOr<ComputeResponse> FinishCompute(UnaryExchange& exchange, const std::vector<GradientTarget>& targets,
                                              BufferPool& pool);

// A call whose result goes to a callback, on the loop's thread. The registry keeps it until the callback has run.
class AsyncUnaryCall : public CancellableCall, public Event, public std::enable_shared_from_this<AsyncUnaryCall> {
 public:
  // All but the callback are not owned and outlive the call.
  AsyncUnaryCall(EventLoop* loop, CallRegistry* registry, BufferPool* pool, ComputeRequest request,
                 ComputeCallback done);

  // Registers and starts the call; a request that cannot be encoded is answered at once, on this thread.
  void Start(grpc::GenericStub& stub, const ClientOptions& options, const MessageLimit& limit);
  void Cancel() override { exchange_.Cancel(); }
  void OnEvent(bool ok) override;

 private:
  // Runs the callback, and leaves the registry. Last.
  void Deliver();

  EventLoop* const loop_;
  CallRegistry* const registry_;
  BufferPool* const pool_;
  const ComputeRequest request_;
  ComputeCallback done_;
  UnaryExchange exchange_;
  absl::StatusOr<ComputeResponse> result_;
};

// Sets a call's deadline, unless that is InfiniteFuture(), and the metadata that `options` ask for. Before the call
// starts.
void Configure(grpc::ClientContext& context, const ClientOptions& options, absl::Time deadline);

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_UNARY_CALL_H_
