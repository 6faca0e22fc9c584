// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/serving_server.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_join.h"
#include "core/status/status_macros.h"
#include "grpcpp/resource_quota.h"
#include "lossd/v1/loss_service.pb.h"
#include "server/compute/stream_call.h"
#include "server/connections/connection_closer.h"
#include "server/connections/connection_taps.h"
#include "server/ops/server_info.h"
#include "server/process/cpu_quota.h"
#include "server/rpc/small_message.h"

namespace lossd {
namespace {

constexpr int kProcessorsPerMover = 4;
constexpr int kMaxMovers = 8;
constexpr absl::Duration kSettling = absl::Milliseconds(20);
constexpr absl::Duration kGoodbye = absl::Milliseconds(100);  // For clients to see that the server goes.
constexpr int kCallsAwaited = 8;                              // A queue and method, so that a burst finds some.

// Threads that move bytes: so many poll, and so many copy large messages.
int Movers() { return std::clamp(UsableProcessors() / kProcessorsPerMover, 1, kMaxMovers); }

BacklogOptions BacklogOptionsOf(const ServerParts& parts) {
  int64_t workers = 0;
  for (const DeviceDescription& device : parts.backend.Devices()) workers += device.threads;
  workers = std::max<int64_t>(workers, 1);
  // Each worker has a task, and another one to go on with.
  return {.busy_calls = 2 * workers, .max_queue_delay = parts.options.max_queue_delay};
}

}  // namespace

ServingServer::ServingServer(const ServerParts& parts)
    : parts_(parts),
      admission_(parts.options.max_inflight_bytes, parts.options.max_concurrent_calls, parts.clock),
      gate_(parts.options.max_concurrent_streams),
      operators_(parts.options),
      unary_messages_(admission_, InflowConnection::Kind::kUnary, parts.options.max_message_bytes),
      stream_messages_(admission_, InflowConnection::Kind::kStream, parts.options.max_message_bytes),
      backlog_(BacklogOptionsOf(parts)),
      watch_(parts.options.transfer_timeout, [this] { return pulse_.KeepsUp(); }),
      reporter_(parts.metrics, parts.logger),
      pipeline_(parts.backend, parts.metrics, backlog_, parts.clock,
                {.max_message_bytes = parts.options.max_message_bytes, .copy_threads = Movers()}),
      environment_{parts_.inflow, watch_, reporter_, parts_.metrics, parts_.clock, parts_.options},
      compute_parts_{pipeline_, backlog_, admission_, gate_},
      health_(parts.health, operators_.Rules(environment_), operators_.LastingRules(environment_)),
      reflection_(ServiceNames(), Guarded(operators_.LastingRules(environment_))),
      answer_info_([info = Serialized(ServerInfo(parts.backend, parts.options))](
                       const ReceivedMessage& message) -> absl::StatusOr<grpc::ByteBuffer> {
        v1::GetServerInfoRequest request;
        LOSSD_RETURN_IF_ERROR(ParseSmallMessage(message, request));
        return info;
      }),
      compute_(ComputeRules(RpcMethod::kCompute, RawLossService::kCompute, unary_messages_,
                            [this](const RpcMethodRules& rules, CallQueue& queue) {
                              return std::make_shared<ComputeCall>(rules, queue, compute_parts_);
                            })),
      stream_(ComputeRules(RpcMethod::kComputeStream, RawLossService::kComputeStream, stream_messages_,
                           [this](const RpcMethodRules& rules, CallQueue& queue) {
                             return std::make_shared<StreamCall>(rules, queue, compute_parts_);
                           })),
      info_(InfoRules()),
      unknown_(ForOtherMethods(
          Guarded(operators_.Rules(environment_)), other_methods_, [](const RpcMethodRules& rules, CallQueue& queue) {
            return std::make_shared<UnknownCall>(rules, queue, absl::StrJoin(ServiceNames(), ", "));
          })) {}

RpcMethodRules ServingServer::ComputeRules(RpcMethod name, int method, MessageBudget& messages,
                                           RpcMethodRules::Maker make) {
  return ForMethod({.environment = environment_,
                    .tokens = parts_.credentials.tokens(),
                    .gate = gate_,
                    .backlog = name == RpcMethod::kCompute ? &backlog_ : nullptr,
                    .admission = admission_,
                    .messages = messages,
                    .name = name},
                   service_, method, std::move(make));
}

RpcMethodRules ServingServer::Guarded(RpcMethodRules rules) const {
  rules.tokens = parts_.credentials.tokens();
  return rules;
}

RpcMethodRules ServingServer::InfoRules() {
  RpcMethodRules rules = Guarded(operators_.Rules(environment_));
  rules.open_gate = &gate_;
  rules.name = RpcMethod::kGetServerInfo;
  return ForMethod(std::move(rules), service_, RawLossService::kGetServerInfo,
                   [this](const RpcMethodRules& own, CallQueue& queue) {
                     return std::make_shared<PromptCall>(own, queue, answer_info_);
                   });
}

absl::StatusOr<std::unique_ptr<ServingServer>> ServingServer::Start(const ServerParts& parts) {
  std::unique_ptr<ServingServer> server(new ServingServer(parts));
  LOSSD_RETURN_IF_ERROR(server->Listen());
  return server;
}

absl::Status ServingServer::Listen() {
  const int64_t transport_bytes = TransportMemoryBytes(parts_.options);
  grpc::ServerBuilder builder;
  ConfigureConnections(parts_.options, builder);
  builder.SetResourceQuota(grpc::ResourceQuota("lossd").Resize(static_cast<size_t>(transport_bytes)));
  // A message above --max_message_bytes is refused by us, with a text that says more; one that the quota could not
  // hold is refused by gRPC.
  builder.SetMaxReceiveMessageSize(
      static_cast<int>(std::min<int64_t>(transport_bytes, std::numeric_limits<int>::max())));
  builder.RegisterService(&service_);
  builder.RegisterAsyncGenericService(&other_methods_);
  builder.RegisterService(health_.service());
  for (grpc::Service* service : reflection_.services()) builder.RegisterService(service);
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  for (int i = 0; i < Movers(); ++i) queues.push_back(builder.AddCompletionQueue());
  threads_ = std::make_unique<CompletionThreads>(std::move(queues), parts_.logger);
  LOSSD_ASSIGN_OR_RETURN(listening_,
                         StartListening(builder, "listen", parts_.options.listen, parts_.credentials.tls()));
  for (const auto& queue : threads_->queues()) {
    for (int i = 0; i < kCallsAwaited; ++i) {
      RpcCall::Await(compute_, *queue);
      RpcCall::Await(stream_, *queue);
    }
    RpcCall::Await(info_, *queue);
    RpcCall::Await(unknown_, *queue);
    health_.Await(*queue);
    reflection_.Await(*queue);
  }
  threads_->Start();
  pulse_.Watch(threads_->queues());
  return absl::OkStatus();
}

void ServingServer::Wait(absl::Duration duration) {
  absl::MutexLock lock(&stop_mu_);
  bool never = false;
  RealClock().AwaitWithDeadline(&stop_mu_, absl::Condition(&never), RealClock().TimeNow() + duration);
}

bool ServingServer::Shutdown(absl::Time deadline) {
  gate_.StartDraining();
  const bool answered = gate_.AwaitEmpty(parts_.clock, deadline);
  // Clients are told to go (GOAWAY) before their connections end, and nothing that they send meanwhile is seen: gRPC
  // would end such calls as CANCELLED, which clients do not retry; so they end with their connection, UNAVAILABLE.
  CloseListeners(listening_.addresses);
  StopReading(listening_.addresses);
  if (parts_.clock.TimeNow() < deadline) Wait(kSettling);  // What was read before is handed over, and refused.
  const absl::Time now = parts_.clock.TimeNow();
  listening_.server->Shutdown(absl::ToChronoTime(std::min(now + kGoodbye, std::max(now, deadline))));
  CloseConnections(listening_.addresses);
  gate_.AwaitEmpty(parts_.clock, absl::InfiniteFuture());  // What was cut off still ends properly.
  pulse_.Stop();
  threads_.reset();
  listening_.server.reset();
  return answered;
}

ServingServer::~ServingServer() {
  if (listening_.server != nullptr) Shutdown(absl::InfinitePast());
}

}  // namespace lossd
