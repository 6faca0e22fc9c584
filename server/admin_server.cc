// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/admin_server.h"

#include <utility>

#include "absl/strings/str_join.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

constexpr int kMaxMessageBytes = 1 << 20;
// Between looks at the queue: soon enough for probes, which wait for a second, and far too seldom to be felt.
constexpr absl::Duration kPause = absl::Milliseconds(20);
constexpr size_t kTransportBytes = 64 << 20;

std::vector<std::string> AdminServiceNames() {
  return {"grpc.channelz.v1.Channelz", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
          "grpc.reflection.v1alpha.ServerReflection"};
}

}  // namespace

AdminServer::AdminServer(const ServerParts& parts)
    : parts_(parts),
      operators_(parts.options),
      watch_(parts.options.transfer_timeout, [this] { return pulse_.KeepsUp(); }),
      reporter_(parts.metrics, parts.logger),
      environment_{parts_.inflow, watch_, reporter_, parts_.metrics, parts_.clock, parts_.options},
      health_(parts.health, operators_.Rules(environment_), operators_.LastingRules(environment_)),
      reflection_(AdminServiceNames(), operators_.LastingRules(environment_)),
      channelz_(operators_.Rules(environment_)),
      unknown_(ForOtherMethods(
          operators_.Rules(environment_), other_methods_, [](const RpcMethodRules& rules, CallQueue& queue) {
            return std::make_shared<UnknownCall>(rules, queue, absl::StrJoin(AdminServiceNames(), ", "));
          })) {}

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(const ServerParts& parts) {
  std::unique_ptr<AdminServer> server(new AdminServer(parts));
  LOSSD_RETURN_IF_ERROR(server->Listen());
  return server;
}

absl::Status AdminServer::Listen() {
  grpc::ServerBuilder builder;
  ConfigureConnections(parts_.options, builder);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetResourceQuota(grpc::ResourceQuota("lossd-admin").Resize(kTransportBytes));
  builder.RegisterService(health_.service());
  builder.RegisterService(channelz_.service());
  builder.RegisterAsyncGenericService(&other_methods_);
  for (grpc::Service* service : reflection_.services()) builder.RegisterService(service);
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  queues.push_back(builder.AddCompletionQueue());
  threads_ = std::make_unique<CompletionThreads>(std::move(queues), parts_.logger, kPause);
  LOSSD_ASSIGN_OR_RETURN(
      listening_, StartListening(builder, "admin_listen", parts_.options.admin_listen, parts_.credentials.tls()));
  health_.Await(*threads_->queues()[0]);
  reflection_.Await(*threads_->queues()[0]);
  channelz_.Await(*threads_->queues()[0]);
  RpcCall::Await(unknown_, *threads_->queues()[0]);
  threads_->Start();
  pulse_.Watch(threads_->queues());
  return absl::OkStatus();
}

AdminServer::~AdminServer() {
  if (listening_.server == nullptr) return;
  listening_.server->Shutdown(absl::ToChronoTime(parts_.clock.TimeNow()));
  pulse_.Stop();
  threads_.reset();
}

}  // namespace lossd
