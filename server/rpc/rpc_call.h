// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The way of every call, of whatever method, from its arrival to its end.

#ifndef LOSSD_SERVER_RPC_RPC_CALL_H_
#define LOSSD_SERVER_RPC_RPC_CALL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/scheduling/admission.h"
#include "core/scheduling/backlog.h"
#include "core/scheduling/clock.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/connections/inflow.h"
#include "server/connections/transfer_watch.h"
#include "server/metrics/metrics.h"
#include "server/rpc/call_gate.h"
#include "server/rpc/call_reporter.h"
#include "server/rpc/completion.h"
#include "server/rpc/raw_service.h"
#include "server/rpc/received_message.h"
#include "server/security/auth_tokens.h"
#include "server/settings/options.h"

namespace lossd {

// What the calls of a server share. Nothing is owned; everything outlives the calls.
struct RpcEnvironment {
  Inflow& inflow;
  TransferWatch& watch;
  CallReporter& reporter;
  Metrics& metrics;
  Clock& clock;
  const ServerOptions& options;
};

class RpcCall;

// A method: where its calls come from, who may come in, and what becomes of them. Not owned by its calls; outlives
// them, at the same address, and does not change once calls are waited for. Nothing behind it is owned.
struct RpcMethodRules {
  // Waits for a call, as RawService::Request.
  using Request = std::function<void(grpc::GenericServerContext* context, RawStream* stream,
                                     grpc::ServerCompletionQueue* queue, void* tag)>;
  // Makes the object of a call that is waited for, on any thread; `rules` and `queue` are to be handed to RpcCall.
  using Maker = std::function<std::shared_ptr<RpcCall>(const RpcMethodRules& rules, CallQueue& queue)>;

  const RpcEnvironment& environment;
  // What a call must pass, in this order.
  const AuthTokens* tokens = nullptr;            // Null: its caller needs none.
  const CallGate* open_gate = nullptr;           // Must not be draining, if not null.
  CallGate& gate;                                // Counts it; does not let it in while draining.
  const Backlog* backlog = nullptr;              // Null: it is never too late.
  Admission& admission;                          // Its place among all.
  MessageBudget& messages;                       // Calls of kStream may last, and are told of draining.
  std::optional<RpcMethod> name = std::nullopt;  // It is counted under, if at all.
  Request request = nullptr;
  Maker make = nullptr;
};

// `rules` for one method of a service, which is not owned and outlives the calls. `method` as RawService::Request.
RpcMethodRules ForMethod(RpcMethodRules rules, RawService& service, int method, RpcMethodRules::Maker make);
// The same for all methods that no service of the server has.
RpcMethodRules ForOtherMethods(RpcMethodRules rules, grpc::AsyncGenericService& service, RpcMethodRules::Maker make);

// One call. The base does what all have in common:
// 1. waits; once a call is there, another object waits for the next one;
// 2. lets it in or refuses it, before its message is read: token, draining and the places of its connection, time left,
//    places of all, bytes. All that it holds is given back by its end, whichever that is;
// 3. reads messages, whose bytes are counted from the first one, and writes answers; a client that takes longer than
//    --transfer_timeout for either is cut off, and its connection with it where that does not help;
// 4. finishes exactly once, and tells how that went once the client's end is known, too.
//
//   Await -> waiting -> OnArrived -> Enter -> OnEntered -> Read  -> OnMessage, or OnNoMessage
//                |                      |                -> Write -> OnWritten               any number, in turn
//                | server shut down     | refused              |
//                v                      v                      v
//             dropped,                Finish,            WriteAndFinish, or
//             no OnEnded              no OnEntered       Finish: of several the first counts
//                                       |                      |
//                                       +----------+-----------+
//                                                  v
//                  gRPC reports both, in any order: what was finished has left, or will not
//                                                   the client's end is known (early: OnGone)
//                                                  v
//                                               OnEnded
//
// What is particular to a method is in the functions that it overrides. They are called with no lock held, and must not
// block or throw. All but OnDrain and OnRefused come on the one thread of the call's queue, one after the other;
// OnDrain comes on the thread that starts draining, OnRefused on the inflow's, beside any of them. OnEnded is the last
// but for OnDrain. Reading, writing and finishing may be started on any thread. Kept alive by whatever is outstanding,
// and, where it is handed on, by what it was handed to.
class RpcCall : public MessageReader, public std::enable_shared_from_this<RpcCall> {
 public:
  // Waits for a call of the method on `queue`, which outlives it; what comes of it, here and after, is as above. Each
  // call that arrives sees to the next one, so that as many are waited for as this was called for. Once the server has
  // started.
  static void Await(const RpcMethodRules& rules, CallQueue& queue);

  RpcCall(const RpcMethodRules& rules, CallQueue& queue) : rules_(rules), queue_(queue) {}
  ~RpcCall() override;
  RpcCall(const RpcCall&) = delete;
  RpcCall& operator=(const RpcCall&) = delete;

 protected:
  // It is in: token, places and bytes are settled. Nothing has been read or written; whoever wants the message calls
  // Read.
  virtual void OnEntered() = 0;
  // A message has come, in full; `reservation` is what was set aside for it, and grew with it. Not called once the call
  // is being finished.
  virtual void OnMessage(ReceivedMessage message, Reservation reservation) = 0;
  // The message that is being read was refused, and the call is about to be finished with `status` for that: neither
  // OnMessage nor OnNoMessage follows, and nothing may be written any more. At most once.
  virtual void OnRefused(const absl::Status& /*status*/) {}
  // None will come: the client has half-closed, or is gone. By default an error, as of unary methods.
  virtual void OnNoMessage();
  // A message that was given to Write has been taken by the transport; !ok: the client is gone, and will get none.
  virtual void OnWritten(bool /*ok*/) {}
  // The client has cancelled, or the call's deadline has passed, before the end of the call has left. At most once, at
  // any time after OnEntered. The call must still be finished.
  virtual void OnGone() {}
  // Draining has begun. At any time after the call has entered the gate, perhaps before OnEntered, if it may last.
  virtual void OnDrain() {}
  // It is over, with `status`: what it was finished with, or how it ended before that left. Called once for every call
  // that arrived, refused or not, and last. What it had reserved has been given back; its place in the gate goes with
  // the object.
  virtual void OnEnded(const absl::Status& /*status*/, absl::Time /*now*/) {}

  // Reads a message. Precondition: none is being read. `reservation` is not empty. Does nothing, and gives it back,
  // once the call is being finished: then neither OnMessage nor OnNoMessage follows.
  void Read(Reservation reservation);
  // The message that is being read, if one is, may be long in coming: until it does it holds no bytes.
  void RelaxReading();
  // Writes a message, whose slices are shared until it has left, not copied. Precondition: none is being written.
  void Write(const grpc::ByteBuffer& message);
  // Writes the last message and finishes with OK. Precondition as for Write; counts as Finish does.
  void WriteAndFinish(const grpc::ByteBuffer& message);
  // Finishes with `status`, whose details name `request_id`, and tells the client when to come back, where that can
  // help. What was begun before decides; later calls do nothing. OnEnded follows.
  void Finish(absl::Status status, const std::string& request_id = "");

  // Why the call ended early, if it has: DEADLINE_EXCEEDED if its deadline has passed, else CANCELLED.
  absl::Status EndedEarly() const;

  const RpcEnvironment& environment() const { return rules_.environment; }
  const grpc::ServerContext& context() const { return context_; }
  // "/package.Service/Method"; only of calls of a generic service.
  const std::string& method_name() const { return context_.method(); }
  // Since arrival.
  const std::string& peer() const { return peer_; }
  absl::Time arrival() const { return arrival_; }
  absl::Time deadline() const { return deadline_; }
  InflowConnection& connection() const { return *connection_; }
  MessageBudget& messages() const { return rules_.messages; }
  // Since it is in. What it holds is given back last: nothing of the call is left then.
  const GatePass& pass() const { return pass_; }
  Reservation& reservation() { return reservation_; }

 private:
  // Of messages that may be long in coming; it has no reservation of bytes of its own.
  bool IsStream() const { return rules_.messages.kind() == InflowConnection::Kind::kStream; }
  void OnArrived(bool ok);
  absl::Status Enter();
  void StartFinish(absl::Status status, const std::string& request_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnDone();
  void OnRead(bool ok);
  // An answer of so many bytes has left or is about to: its client says that it has come.
  void ExplainAnswer(int64_t bytes);
  void OnFinished(bool ok);
  void OnMessageRefused(int64_t message, absl::Status status) final;
  void CutOff(TransferWatch::Attempt attempt);
  // Tells how it ended, once all of it has.
  void End();
  absl::Status Outcome() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const RpcMethodRules& rules_;
  CallQueue& queue_;  // Not owned; outlives this.
  GatePass pass_;
  grpc::GenericServerContext context_;
  RawStream stream_{&context_};
  void* done_tag_ = nullptr;  // Reported by the queue only if the call arrives.
  std::string peer_;
  bool compressed_ = false;
  absl::Time arrival_;
  absl::Time deadline_;
  std::shared_ptr<InflowConnection> connection_;
  Reservation reservation_;
  grpc::ByteBuffer message_;
  TransferWatch::Transfer transfer_;

  mutable absl::Mutex mu_;
  bool entered_ ABSL_GUARDED_BY(mu_) = false;
  int64_t messages_asked_ ABSL_GUARDED_BY(mu_) = 0;  // The last is being read,
  bool reading_ ABSL_GUARDED_BY(mu_) = false;        // or none is.
  IncomingMessage incoming_ ABSL_GUARDED_BY(mu_);
  bool no_message_ ABSL_GUARDED_BY(mu_) = false;
  bool finishing_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  bool delivered_ ABSL_GUARDED_BY(mu_) = false;       // Its end has left.
  bool done_ ABSL_GUARDED_BY(mu_) = false;            // The client's end is known:
  bool gone_ ABSL_GUARDED_BY(mu_) = false;            // it was an early one.
  bool cut_off_ ABSL_GUARDED_BY(mu_) = false;         // By the watch,
  bool connection_cut_ ABSL_GUARDED_BY(mu_) = false;  // and its connection with it.
  absl::Status status_ ABSL_GUARDED_BY(mu_);          // It is finished with.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_RPC_RPC_CALL_H_
