// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A call whose messages are any bytes, driven step by step.

#ifndef LOSSD_TESTS_SUPPORT_RAW_CALL_H_
#define LOSSD_TESTS_SUPPORT_RAW_CALL_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"

namespace lossd::testing {

// One call of a method. Every method waits for the transport. Not thread-safe.
class RawCall {
 public:
  // Begins the call; `method` is one of LossService, or the full name of another one. `compressed`: its messages are,
  // with gzip. `deadline` 0: none.
  RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method, bool compressed = false,
          std::chrono::milliseconds deadline = {});
  // The same, with metadata.
  RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
          const std::vector<std::pair<std::string, std::string>>& headers);
  // Cancels it, if it has not ended.
  ~RawCall();

  const grpc::ClientContext& context() const { return context_; }

  // Sends a message; false if the call is over.
  bool Write(const grpc::ByteBuffer& message);
  bool Write(const std::string& message);
  // Says that no message follows.
  void HalfClose();
  // The next message; nullopt if there is none.
  std::optional<std::string> Read();
  // Reads on to the end.
  grpc::Status End();

 private:
  void Begin(const std::shared_ptr<grpc::Channel>& channel, const std::string& method);
  // Waits for the operation that was started last; whether it succeeded.
  bool Await();

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  bool ended_ = false;
};

// A unary call of Compute with `message`.
grpc::Status ComputeWithBytes(const std::shared_ptr<grpc::Channel>& channel, const std::string& message);

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_RAW_CALL_H_
