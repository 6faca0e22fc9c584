// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The bound on what serving can reach: a gRPC server with the settings of lossd's serving port that answers
// LossService.Compute with the request's own bytes. Usage: echo_server ADDRESS...; prints its addresses in one line and
// runs until SIGTERM.

#include <signal.h>

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_join.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/impl/codegen/rpc_service_method.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/support/async_unary_call.h"
#include "server/process/process_settings.h"
#include "server/rpc/grpc_listener.h"
#include "server/settings/options.h"

namespace lossd {
namespace {

constexpr int kThreads = 1;  // Of the one queue, as lossd has on up to seven processors.
constexpr int kCallsAwaited = 64;

class EchoService final : public grpc::Service {
 public:
  EchoService() {
    AddMethod(new grpc::internal::RpcServiceMethod("/lossd.v1.LossService/Compute",
                                                   grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
    MarkMethodRaw(0);
  }
  using grpc::Service::RequestAsyncUnary;
};

// One call: waits, echoes, is done, and waits again as a new object.
class EchoCall {
 public:
  EchoCall(EchoService& service, grpc::ServerCompletionQueue* queue) : service_(service), queue_(queue) {
    service_.RequestAsyncUnary(0, &context_, &message_, &writer_, queue_, queue_, this);
  }

  void OnEvent(bool ok) {
    if (!ok || answered_) {
      delete this;
      return;
    }
    new EchoCall(service_, queue_);
    answered_ = true;
    writer_.Finish(message_, grpc::Status::OK, this);
  }

 private:
  EchoService& service_;
  grpc::ServerCompletionQueue* const queue_;
  grpc::ServerContext context_;
  grpc::ByteBuffer message_;
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer_{&context_};
  bool answered_ = false;
};

void Serve(grpc::ServerCompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) static_cast<EchoCall*>(tag)->OnEvent(ok);
}

int Run(const std::vector<std::string>& addresses) {
  const ServerOptions options;
  EchoService service;
  grpc::ServerBuilder builder;
  ConfigureConnections(options, builder);
  builder.SetResourceQuota(grpc::ResourceQuota("echo").Resize(static_cast<size_t>(TransportMemoryBytes(options))));
  builder.SetMaxReceiveMessageSize(static_cast<int>(TransportMemoryBytes(options)));
  builder.RegisterService(&service);
  const auto queue = builder.AddCompletionQueue();
  const auto listening = StartListening(builder, "listen", addresses);
  if (!listening.ok()) {
    std::cerr << listening.status().message() << '\n';
    return 3;
  }
  for (int i = 0; i < kCallsAwaited; ++i) new EchoCall(service, queue.get());
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back([&] { Serve(*queue); });
  std::cout << absl::StrJoin(listening->addresses, " ") << std::endl;

  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  int signal = 0;
  sigwait(&stop, &signal);
  listening->server->Shutdown(std::chrono::system_clock::now());
  queue->Shutdown();
  for (std::thread& thread : threads) thread.join();
  return 0;
}

}  // namespace
}  // namespace lossd

int main(int argc, char** argv) {
  lossd::ApplyProcessSettings();
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);  // Before threads are started: one waits for them.
  return lossd::Run({argv + 1, argv + argc});
}
