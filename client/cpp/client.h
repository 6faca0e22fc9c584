// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Computes losses and their gradients on a lossd server.
//
//   absl::StatusOr<std::unique_ptr<lossd::Client>> client = lossd::Client::Connect("localhost:50051");
//   lossd::client::ComputeRequest request;
//   request.loss = lossd::client::NtXent{.temperature = 0.1};
//   request.inputs = {InputTensor::Borrow<float>("out_1", {256, 128}, out_1),
//                     InputTensor::Borrow<float>("out_2", {256, 128}, out_2)};
//   absl::StatusOr<ComputeResponse> response = (*client)->Compute(std::move(request));
//   response->objective; response->gradient("out_1")->elements<float>();
//
// Inputs are sent from the caller's memory without a copy; gradients are copied once, from the transport into memory of
// their own or the caller's. Shapes, dtypes and outputs of each loss: loss_spec.h.
//
// Errors are absl::Status with the server's code and text; DetailsOf (error_details.h) names fields and limits.
// OriginOf (origin.h) tells the server's refusal from this client's own.
// INVALID_ARGUMENT: the request must change. RESOURCE_EXHAUSTED: a limit of the server's, or max_message_bytes or
// max_queued_bytes of this client. UNAVAILABLE: no server, or it is starting or draining, after all attempts.
// DEADLINE_EXCEEDED, CANCELLED. OUT_OF_RANGE: a non-finite result under NonfinitePolicy::kReject. INTERNAL: a bug, or
// an answer that cannot be read.

#ifndef LOSSD_CLIENT_CPP_CLIENT_H_
#define LOSSD_CLIENT_CPP_CLIENT_H_

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cpp/client_options.h"
#include "client/cpp/compute_request.h"
#include "client/cpp/compute_response.h"
#include "client/cpp/error_details.h"
#include "client/cpp/loss_spec.h"
#include "client/cpp/origin.h"

namespace lossd::client {

// Called once with a call's result, on a thread of the client (a request that cannot be sent: on the calling thread,
// before the call returns). Do little in it, and do not destroy the client or a stream in it. Calling the client is
// fine, except blocking calls.
using ComputeCallback = absl::AnyInvocable<void(absl::StatusOr<ComputeResponse>) &&>;

// A call under way. Copies refer to the same call, and may outlive call and client. Thread-safe.
class CallHandle {
 public:
  explicit CallHandle(std::weak_ptr<class CancellableCall> call) : call_(std::move(call)) {}
  // Ends the call with CANCELLED unless it has ended; its callback runs as ever.
  void Cancel();

 private:
  std::weak_ptr<class CancellableCall> call_;
};

// Pipelined calls on one stream: requests go out back to back, answers come as they finish. A message's error does not
// end the stream. Thread-safe. Destruction cancels what is under way and runs every callback before it returns.
class ComputeStream {
 public:
  virtual ~ComputeStream() = default;
  // Sends `request`; `done` gets its result. An empty request_id is replaced by a number. A request_id that is still
  // under way gives INVALID_ARGUMENT, one after Finish FAILED_PRECONDITION, one after the stream broke its status.
  // Never waits: where more than ClientOptions::max_queued_bytes would wait to be sent, the request gets
  // RESOURCE_EXHAUSTED, and can be sent again once answers have come.
  virtual void Send(ComputeRequest request, ComputeCallback done) = 0;
  // Says that nothing more will be sent, waits for all answers, and returns how the stream ended.
  virtual absl::Status Finish() = 0;
};

// A connection to a server (or several). Thread-safe. Destruction cancels calls under way and runs their callbacks
// before it returns; streams must be destroyed first.
class Client {
 public:
  // `target`: "host:port", "unix:/path", or any other name that gRPC resolves. INVALID_ARGUMENT for one that is none or
  // has no port, and for bad options; UNAVAILABLE if no connection came up within connect_timeout.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const std::string& target, ClientOptions options = {});
  virtual ~Client() = default;

  // Computes and waits.
  virtual absl::StatusOr<ComputeResponse> Compute(ComputeRequest request) = 0;
  // Computes; `done` gets the result.
  virtual CallHandle ComputeAsync(ComputeRequest request, ComputeCallback done) = 0;
  // Opens a stream. ClientOptions::timeout does not apply to it as a whole. Never null.
  virtual std::unique_ptr<ComputeStream> OpenStream() = 0;
  // What the server is and can do. Its limit of messages becomes this client's, unless an option gives one.
  virtual absl::StatusOr<ServerInfo> GetServerInfo() = 0;
  // The longest message that this client sends.
  virtual int64_t max_message_bytes() const = 0;
};

}  // namespace lossd::client

namespace lossd {
using client::Client;
using client::ClientOptions;
}  // namespace lossd

#endif  // LOSSD_CLIENT_CPP_CLIENT_H_
