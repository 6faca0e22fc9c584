// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The client's side of LossService.ComputeStream.

#ifndef LOSSD_CLIENT_CPP_COMPUTE_STREAM_H_
#define LOSSD_CLIENT_CPP_COMPUTE_STREAM_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "client/cpp/client.h"
#include "client/cpp/event_loop.h"
#include "client/cpp/message_limit.h"
#include "client/cpp/payload_hold.h"
#include "core/tensor/buffer_pool.h"

namespace lossd::client {

// One gRPC stream: at most one write and one read at a time, driven by the loop's thread. Messages wait their turn in
// `writes_`, and for their answers in `pending_`.
//
//    a message       its bytes                        its Message                    on the thread
//    Send            encoded; to the end of writes_   into pending_, by its id       of the caller
//    Pump, OnWritten the first of writes_ to gRPC                                    of the caller, or the loop's
//    OnRead                                           out of pending_, with result   the loop's
//    Deliver         gRPC has dropped the slices:     its callback runs              the loop's
//                    at once, or when it does
//
//    the stream      StartCall -> Write, Write, ...   -> WritesDone, once Finish was called and writes_ is empty
//                              -> Read, Read, ...     -> !ok: no more answers -> Finish of gRPC -> OnFinished: end_
//
// What is in pending_ when the stream ends gets how it ended. Finish and the destructor wait until the stream has ended
// and the last callback has returned (AllOver).
class GrpcComputeStream : public ComputeStream {
 public:
  // Opens the stream, without waiting for a connection. All pointers are not owned and outlive this.
  GrpcComputeStream(EventLoop* loop, BufferPool* pool, grpc::GenericStub* stub, const ClientOptions* options,
                    const MessageLimit* limit);
  // Waits for the loop's thread, as Finish does: neither on that thread, nor in a callback.
  ~GrpcComputeStream() override;

  void Send(ComputeRequest request, ComputeCallback done) override;
  absl::Status Finish() override;

 private:
  // A message from Send to its callback.
  struct Message {
    std::string id;
    std::vector<GradientTarget> targets;
    std::vector<InputTensor> inputs;  // Keeps owners alive.
    ComputeCallback done;
    PayloadHold hold;
    absl::StatusOr<ComputeResponse> result = absl::UnknownError("");
  };
  // Tells the stream which of its operations has ended. One of each is under way at most, so that each serves again.
  class Operation : public Event {
   public:
    using Handler = void (GrpcComputeStream::*)(bool);
    Operation(GrpcComputeStream* stream, Handler handler) : stream_(stream), handler_(handler) {}
    void OnEvent(bool ok) override { (stream_->*handler_)(ok); }

   private:
    GrpcComputeStream* const stream_;
    const Handler handler_;
  };

  // What gRPC says of an operation, on the loop's thread, one after another.
  void OnStarted(bool ok);
  void OnRead(bool ok);
  void OnWritten(bool ok);
  void OnWritesDone(bool ok);
  void OnFinished(bool ok);

  // RESOURCE_EXHAUSTED if `bytes` more may not wait.
  absl::Status CheckRoom(int64_t bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Registers `message` under a free id and queues its bytes; on failure it stays with the caller.
  absl::Status Enqueue(ComputeRequest& request, std::unique_ptr<Message>& message);
  // Starts what is due: the next write, the half-close, or, once reading has ended, the end.
  void Pump() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Decodes `incoming_` and delivers it to the message it answers; fails if there is none.
  absl::Status DeliverIncoming();
  // Runs the callback once the transport has let go of the message's memory. Counted in undelivered_.
  void Deliver(std::unique_ptr<Message> message);
  void RunCallback(Message& message);
  bool AllOver() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return end_.has_value() && undelivered_ == 0; }

  EventLoop* const loop_;
  BufferPool* const pool_;
  const ClientOptions* const options_;
  const MessageLimit* const limit_;
  Operation started_{this, &GrpcComputeStream::OnStarted};
  Operation read_{this, &GrpcComputeStream::OnRead};
  Operation written_{this, &GrpcComputeStream::OnWritten};
  Operation writes_done_{this, &GrpcComputeStream::OnWritesDone};
  Operation finished_{this, &GrpcComputeStream::OnFinished};
  grpc::ByteBuffer incoming_;  // Of the loop's thread.
  grpc::Status final_status_;  // Likewise.

  absl::Mutex mu_;
  std::unique_ptr<grpc::ClientContext> context_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_ ABSL_GUARDED_BY(mu_);
  std::deque<grpc::ByteBuffer> writes_ ABSL_GUARDED_BY(mu_);
  int64_t writing_bytes_ ABSL_GUARDED_BY(mu_) = 0;  // Of the Write under way,
  int64_t queued_bytes_ ABSL_GUARDED_BY(mu_) = 0;   // and with those of writes_.
  absl::flat_hash_map<std::string, std::unique_ptr<Message>> pending_ ABSL_GUARDED_BY(mu_);
  uint64_t next_id_ ABSL_GUARDED_BY(mu_) = 0;
  int undelivered_ ABSL_GUARDED_BY(mu_) = 0;       // Callbacks due that have not returned.
  bool sending_ ABSL_GUARDED_BY(mu_) = true;       // StartCall, Write or WritesDone is under way.
  bool closing_ ABSL_GUARDED_BY(mu_) = false;      // Finish was called,
  bool half_closed_ ABSL_GUARDED_BY(mu_) = false;  // and gRPC was told.
  bool reading_ ABSL_GUARDED_BY(mu_) = true;       // Answers may still come.
  bool finishing_ ABSL_GUARDED_BY(mu_) = false;    // gRPC's Finish is under way, or done.
  absl::Status fault_ ABSL_GUARDED_BY(mu_);        // The server's.
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mu_);
};

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_COMPUTE_STREAM_H_
