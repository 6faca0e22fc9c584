// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The gRPC server of the service.

#ifndef LOSSD_SERVER_SERVING_SERVER_H_
#define LOSSD_SERVER_SERVING_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/loss_backend.h"
#include "core/scheduling/admission.h"
#include "core/scheduling/backlog.h"
#include "server/compute/compute_call.h"
#include "server/compute/compute_pipeline.h"
#include "server/compute/raw_loss_service.h"
#include "server/connections/transfer_watch.h"
#include "server/ops/health_service.h"
#include "server/ops/reflection_service.h"
#include "server/rpc/call_gate.h"
#include "server/rpc/call_reporter.h"
#include "server/rpc/completion.h"
#include "server/rpc/grpc_listener.h"
#include "server/rpc/operator_calls.h"
#include "server/rpc/prompt_call.h"
#include "server/rpc/queue_pulse.h"
#include "server/rpc/rpc_call.h"
#include "server/server_parts.h"

namespace lossd {

// Serves lossd.v1.LossService, whose callers may have to show a token, health and reflection on --listen. Thread-safe.
//
// Owns the threads that poll (lossd-rpc), which carry a call from arrival to end but for what takes long, those that
// copy large messages (ComputePipeline), and the one that cuts slow transfers off (TransferWatch). Of the first two
// kinds there is one thread for each four processors that the process may use, one to eight. Members stand in the order
// in which they need each other: what uses another is declared behind it, threads last.
//
// A call passes, in this order (RpcMethodRules):
//
//                          tokens  gate                             backlog  admission    messages
//    Compute               yes     gate_                            yes      admission_   unary_messages_
//    ComputeStream         yes     gate_                            no       admission_   stream_messages_
//    GetServerInfo         yes     operators_', with gate_ open     no       operators_'  operators_'
//    unknown               yes     operators_'                      no       operators_'  operators_'
//    health Check          no      operators_'                      no       operators_'  operators_'
//    reflection            yes     operators_', those that last     no       the same     the same
//    health Watch          no      operators_', those that last     no       the same     the same
class ServingServer {
 public:
  // Starts serving. UNAVAILABLE, naming --listen, as StartListening. What is behind `parts` outlives this.
  static absl::StatusOr<std::unique_ptr<ServingServer>> Start(const ServerParts& parts);

  // Cuts what is still inside, and waits for what the backend still computes for it. Shut down first to avoid that.
  ~ServingServer();

  // In use, with the ports that were picked. In the order of --listen.
  const std::vector<std::string>& addresses() const { return listening_.addresses; }
  // What accepted calls have reserved, for /metrics. Valid as long as this.
  const Admission& admission() const { return admission_; }

  // Refuses new calls with UNAVAILABLE, waits until `deadline`, by the clock of the parts, for every accepted one to be
  // answered, closes the connections and stops: a tenth of a second later where there is time, for clients to see that
  // the server goes. False if calls had to be cut off; what is computed for those is waited for all the same. Call
  // once.
  bool Shutdown(absl::Time deadline);

 private:
  explicit ServingServer(const ServerParts& parts);
  RpcMethodRules ComputeRules(RpcMethod name, int method, MessageBudget& messages, RpcMethodRules::Maker make);
  RpcMethodRules InfoRules();
  // Of an operator's call whose caller needs a token, where callers do.
  RpcMethodRules Guarded(RpcMethodRules rules) const;
  absl::Status Listen();
  // Of the wall clock, whatever the clock of the parts: gRPC goes by it.
  void Wait(absl::Duration duration);

  ServerParts parts_;
  absl::Mutex stop_mu_;  // What stopping is waited on; a clock may look at it until this is destroyed.
  Admission admission_;
  CallGate gate_;
  OperatorCalls operators_;
  MessageBudget unary_messages_;
  MessageBudget stream_messages_;
  Backlog backlog_;
  QueuePulse pulse_;
  TransferWatch watch_;
  CallReporter reporter_;
  ComputePipeline pipeline_;
  const RpcEnvironment environment_;
  const ComputeParts compute_parts_;
  RawLossService service_;
  grpc::AsyncGenericService other_methods_;
  HealthService health_;
  ReflectionService reflection_;
  const PromptCall::Answer answer_info_;
  const RpcMethodRules compute_;
  const RpcMethodRules stream_;
  const RpcMethodRules info_;
  const RpcMethodRules unknown_;
  ListeningServer listening_;
  std::unique_ptr<CompletionThreads> threads_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_SERVING_SERVER_H_
