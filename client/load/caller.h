// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How calls are made.

#ifndef LOSSD_CLIENT_LOAD_CALLER_H_
#define LOSSD_CLIENT_LOAD_CALLER_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "client/load/answer_check.h"
#include "client/load/chaos.h"
#include "client/load/load_request.h"
#include "client/load/recording.h"
#include "client/load/stop_signal.h"
#include "core/scheduling/clock.h"

namespace lossd::load {

// What all callers of a run share. Nothing is owned; everything outlives the callers.
struct CallContext {
  const LoadRequest& request;
  Clock& clock;
  absl::Duration timeout = absl::InfiniteDuration();  // Of a unary call; in streams the message carries it.
  std::string auth_token;                             // Sent as `authorization: Bearer ...` where not empty.
  AnswerCheck* check = nullptr;                       // Null: answers are not looked at.
  Chaos* chaos = nullptr;                             // Null: calls are left in peace.
  std::vector<std::pair<std::string, std::string>> metadata = {};  // Sent with each call or stream.
  const StopSignal* stop = nullptr;  // Ends connecting and starting calls early. Null: nothing does.

  // Adds what is sent beside the message.
  void AddMetadata(grpc::ClientContext& call) const {
    if (!auth_token.empty()) call.AddMetadata("authorization", "Bearer " + auth_token);
    for (const auto& [key, value] : metadata) call.AddMetadata(key, value);
  }
  bool stopped() const { return stop != nullptr && stop->triggered(); }
};

// Makes calls over one connection. Thread-safe. No call is made again: a failure is an outcome.
class Caller {
 public:
  // Called once for each call, on the thread of the connection's event loop; what it takes is time in which no other
  // call of that loop ends.
  using Done = absl::AnyInvocable<void(CallOutcome) &&>;

  // No call may be outstanding. Not on the thread of the loop.
  virtual ~Caller() = default;
  // Starts a call that was due at `intended`, and does not wait for it, nor for a connection.
  virtual void Start(absl::Time intended, Done done) = 0;
  // Cancels all calls that are under way, and those that are still to come: their outcomes, which say that they were
  // withdrawn, come within moments, whatever the server does.
  virtual void Withdraw() = 0;
};

// One unary call of Compute each. `queue` is that of an EventLoop, not owned, and outlives the caller, as `context`
// does.
std::unique_ptr<Caller> MakeUnaryCaller(std::shared_ptr<grpc::Channel> channel, grpc::CompletionQueue* queue,
                                        const CallContext& context);

// Messages of a ComputeStream, which is opened with the first call and again after it has ended. Destruction waits for
// the stream's last event: not on the thread of the loop.
std::unique_ptr<Caller> MakeStreamCaller(std::shared_ptr<grpc::Channel> channel, grpc::CompletionQueue* queue,
                                         const CallContext& context);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_CALLER_H_
