// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// One ComputeStream with pipelined messages.

#ifndef LOSSD_CLIENT_LOAD_STREAM_SESSION_H_
#define LOSSD_CLIENT_LOAD_STREAM_SESSION_H_

#include <grpcpp/alarm.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "client/cpp/event_loop.h"
#include "client/load/caller.h"

namespace lossd::load {

// Writes messages one after the other and matches answers by request_id. Everything that is outstanding when the stream
// ends gets the stream's status, UNAVAILABLE where that is OK. Thread-safe; kept alive by its events.
//
//    Open -> kOpened -> kRead, kRead, ...  [kWaited between them: a slow reader] -> !ok -> kFinished
//                    -> kWritten, kWritten, ...   one write and one read at a time
//
// An answer that cannot be read, or that nobody waits for, is passed over: whose it was is not known.
class StreamSession : public std::enable_shared_from_this<StreamSession> {
 public:
  explicit StreamSession(const CallContext& context) : context_(context) {}

  // Opens the stream; called once.
  void Open(grpc::GenericStub& stub, grpc::CompletionQueue* queue);
  // Sends a message, or queues it behind those before, without bound: callers bound what is outstanding. False, and
  // `done` is left alone, if the stream has ended.
  bool Send(absl::Time intended, Caller::Done& done);
  // Cancels the stream: what is outstanding is withdrawn, and nothing is sent any more.
  void Withdraw();
  // Cancels the stream and waits until its last event was served. Not on the event loop's thread.
  void Close();

 private:
  enum class Step { kOpened, kWritten, kRead, kWaited, kFinished };
  class StepEvent;
  struct OutstandingCall {
    CallOutcome outcome;
    Caller::Done done;
  };

  void OnStep(Step step, bool ok);
  client::Event* Tag(Step step);
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Read();
  void OnRead(bool ok);
  void OnAnswer();
  void OnFinished();

  const CallContext& context_;
  grpc::CompletionQueue* queue_ = nullptr;
  grpc::ClientContext client_context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  grpc::ByteBuffer response_;
  grpc::Status status_;
  grpc::Alarm alarm_;

  absl::Mutex mu_;
  bool opened_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;  // Takes no more messages.
  bool withdrawn_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;  // The status has come.
  int events_ ABSL_GUARDED_BY(mu_) = 0;         // Under way.
  uint64_t next_id_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<std::string> to_write_ ABSL_GUARDED_BY(mu_);  // request_ids.
  absl::flat_hash_map<std::string, OutstandingCall> outstanding_ ABSL_GUARDED_BY(mu_);
};

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_STREAM_SESSION_H_
