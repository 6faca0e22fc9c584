// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Unary calls that are answered at once.

#ifndef LOSSD_SERVER_PROMPT_CALL_H_
#define LOSSD_SERVER_PROMPT_CALL_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/call_reporter.h"
#include "server/completion.h"
#include "server/raw_service.h"

namespace lossd {

// A call of a unary method whose answer takes no time. Waits for calls and answers them, one object a call, kept alive
// by what is outstanding, which is one operation at a time.
class PromptCall : public std::enable_shared_from_this<PromptCall> {
 public:
  // Its functions return at once and do not throw; thread-safe.
  struct Method {
    RawService& service;
    int index;  // In the service.
    // Takes the message, of any size and content, and makes the answer's.
    std::function<absl::StatusOr<grpc::ByteBuffer>(grpc::ByteBuffer& message)> answer = nullptr;
    // Begins the record of a call, which knows the peer, and says whether its message is read.
    std::function<absl::Status(const grpc::ServerContext& context, CallRecord& record)> enter =
        [](const grpc::ServerContext&, CallRecord&) { return absl::OkStatus(); };
    // Told of every call once its answer has left.
    std::function<void(std::unique_ptr<CallRecord> record)> report = [](std::unique_ptr<CallRecord>) {};
  };

  // `method` is not owned and outlives the server.
  static void Await(const Method& method, CallQueue& queue);

  PromptCall(const Method& method, CallQueue& queue) : method_(method), queue_(queue) {}

 private:
  void OnArrived();
  void OnMessage(bool ok);
  void Refuse(absl::Status status);
  void OnFinished(bool ok);

  const Method& method_;
  CallQueue& queue_;  // Not owned; outlives this.
  grpc::ServerContext context_;
  RawStream stream_{&context_};
  grpc::ByteBuffer message_;
  std::unique_ptr<CallRecord> record_ = std::make_unique<CallRecord>();
};

}  // namespace lossd

#endif  // LOSSD_SERVER_PROMPT_CALL_H_
