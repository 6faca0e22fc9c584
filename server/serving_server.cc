// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/serving_server.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/status/status_macros.h"
#include "grpcpp/resource_quota.h"
#include "lossd/v1/loss_service.pb.h"
#include "server/caller_check.h"
#include "server/connection_closer.h"
#include "server/cpu_quota.h"
#include "server/server_info.h"
#include "server/small_message.h"
#include "server/stream_call.h"

namespace lossd {
namespace {

constexpr int kProcessorsPerMover = 4;
constexpr int kMaxMovers = 8;
constexpr int kCallsAwaited = 8;  // A queue and method, so that a burst finds some.

// Threads that move bytes: so many poll, and so many copy large messages.
int Movers() { return std::clamp(UsableProcessors() / kProcessorsPerMover, 1, kMaxMovers); }

BacklogOptions BacklogOptionsOf(const ServerParts& parts) {
  int64_t workers = 1;
  for (const DeviceDescription& device : parts.backend.Devices()) workers = std::max<int64_t>(workers, device.threads);
  // Each worker has a task, and another one to go on with.
  return {.busy_calls = 2 * workers, .max_queue_delay = parts.options.max_queue_delay};
}

}  // namespace

ServingServer::ServingServer(const ServerParts& parts)
    : parts_(parts),
      admission_(parts.options.max_inflight_bytes, parts.options.max_concurrent_calls),
      gate_(parts.options.max_concurrent_streams),
      backlog_(BacklogOptionsOf(parts)),
      watch_(parts.options.transfer_timeout),
      reporter_(parts.metrics, parts.logger),
      pipeline_(parts.backend, parts.metrics, backlog_, parts.clock,
                {.max_message_bytes = parts.options.max_message_bytes, .copy_threads = Movers()}),
      health_(parts.health),
      reflection_(ServiceNames()),
      get_server_info_(GetServerInfo()),
      environment_{service_,
                   pipeline_,
                   admission_,
                   gate_,
                   backlog_,
                   watch_,
                   reporter_,
                   parts_.metrics,
                   parts_.clock,
                   parts_.options,
                   parts_.credentials.tokens()} {}

PromptCall::Method ServingServer::GetServerInfo() {
  PromptCall::Method method{service_, RawLossService::kGetServerInfo};
  method.enter = [this](const grpc::ServerContext& context, CallRecord& record) {
    record.method = RpcMethod::kGetServerInfo;
    record.arrival = parts_.clock.TimeNow();
    parts_.metrics.OnCallStarted(record.method);
    LOSSD_RETURN_IF_ERROR(CheckCaller(parts_.credentials.tokens(), context));
    return gate_.Check();
  };
  method.answer = [info = Serialized(ServerInfo(parts_.backend, parts_.options))](
                      grpc::ByteBuffer& message) -> absl::StatusOr<grpc::ByteBuffer> {
    v1::GetServerInfoRequest request;
    LOSSD_RETURN_IF_ERROR(ParseSmallMessage(message, request));
    return info;
  };
  method.report = [this](std::unique_ptr<CallRecord> record) {
    const absl::Time now = parts_.clock.TimeNow();
    reporter_.OnCallEnded(record->method, record->status.code(), now - record->arrival);
    reporter_.OnAnswered(std::move(record), now);
  };
  return method;
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
  builder.RegisterService(health_.service());
  for (grpc::Service* service : reflection_.services()) builder.RegisterService(service);
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  for (int i = 0; i < Movers(); ++i) queues.push_back(builder.AddCompletionQueue());
  threads_ = std::make_unique<CompletionThreads>(std::move(queues), parts_.logger);
  LOSSD_ASSIGN_OR_RETURN(listening_,
                         StartListening(builder, "listen", parts_.options.listen, parts_.credentials.tls()));
  for (const auto& queue : threads_->queues()) {
    for (int i = 0; i < kCallsAwaited; ++i) {
      ComputeCall::Await(environment_, *queue);
      StreamCall::Await(environment_, *queue);
    }
    PromptCall::Await(get_server_info_, *queue);
    health_.Await(*queue);
    reflection_.Await(*queue);
  }
  threads_->Start();
  return absl::OkStatus();
}

bool ServingServer::Shutdown(absl::Time deadline) {
  gate_.StartDraining();
  const bool answered = gate_.AwaitEmpty(parts_.clock, deadline);
  CloseConnections(listening_.addresses);
  listening_.server->Shutdown(absl::ToChronoTime(parts_.clock.TimeNow()));
  gate_.AwaitEmpty(parts_.clock, absl::InfiniteFuture());  // What was cut off still ends properly.
  threads_.reset();
  listening_.server.reset();
  return answered;
}

ServingServer::~ServingServer() {
  if (listening_.server != nullptr) Shutdown(absl::InfinitePast());
}

}  // namespace lossd
