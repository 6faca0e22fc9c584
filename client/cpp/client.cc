// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/client.h"

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cpp/call_registry.h"
#include "client/cpp/channel.h"
#include "client/cpp/compute_stream.h"
#include "client/cpp/event_loop.h"
#include "client/cpp/grpc_status.h"
#include "client/cpp/message_limit.h"
#include "client/cpp/messages.h"
#include "client/cpp/target_check.h"
#include "client/cpp/unary_call.h"
#include "core/status/status_macros.h"
#include "core/tensor/buffer_pool.h"
#include "lossd/v1/loss_service.grpc.pb.h"

namespace lossd::client {
namespace {

// A completion queue on which one operation at a time ends.
class OneEvent {
 public:
  ~OneEvent() {
    queue_.Shutdown();
    Wait();
  }
  grpc::CompletionQueue* queue() { return &queue_; }
  void Wait() {
    void* tag = nullptr;
    bool ok = false;
    queue_.Next(&tag, &ok);
  }

 private:
  grpc::CompletionQueue queue_;
};

class GrpcClient : public Client {
 public:
  GrpcClient(const std::string& target, ClientOptions options)
      : options_(std::move(options)),
        limit_(options_),
        pool_(static_cast<size_t>(limit_.bytes())),
        channels_(MakeChannels(target, options_)) {
    for (const auto& channel : channels_) stubs_.push_back(std::make_unique<grpc::GenericStub>(channel));
  }
  ~GrpcClient() override { registry_.CancelAllAndWait(); }

  bool WaitUntilConnected() {
    return channels_.front()->WaitForConnected(absl::ToChronoTime(absl::Now() + options_.connect_timeout));
  }

  std::string WhyNotConnected() { return client::WhyNotConnected(channels_.front()); }

  absl::StatusOr<ComputeResponse> Compute(ComputeRequest request) override {
    UnaryExchange exchange;
    OneEvent event;  // The waiting thread does gRPC's work itself.
    LOSSD_RETURN_IF_ERROR(StartCompute(exchange, NextStub(), *event.queue(), options_, limit_, request, &event));
    AwaitEnd(exchange, event);
    absl::StatusOr<ComputeResponse> result = FinishCompute(exchange, request.gradient_targets, pool_);
    exchange.hold().ReleaseAndWait();
    return result;
  }

  CallHandle ComputeAsync(ComputeRequest request, ComputeCallback done) override {
    auto call = std::make_shared<AsyncUnaryCall>(&loop_, &registry_, &pool_, std::move(request), std::move(done));
    call->Start(NextStub(), options_, limit_);
    return CallHandle(call);
  }

  std::unique_ptr<ComputeStream> OpenStream() override {
    return std::make_unique<GrpcComputeStream>(&loop_, &pool_, &NextStub(), &options_, &limit_);
  }

  absl::StatusOr<ServerInfo> GetServerInfo() override { return ServerInfoWithin(options_.timeout); }

  absl::StatusOr<ServerInfo> ServerInfoWithin(absl::Duration timeout) {
    UnaryExchange exchange;
    OneEvent event;
    LOSSD_RETURN_IF_ERROR(
        exchange.Start(*stubs_.front(), *event.queue(), options_, kServerInfoMethod, EmptyMessage(), timeout, &event));
    AwaitEnd(exchange, event);
    LOSSD_ASSIGN_OR_RETURN(grpc::ByteBuffer bytes, exchange.Finish());
    v1::GetServerInfoResponse response;
    const grpc::Status read = grpc::SerializationTraits<v1::GetServerInfoResponse>::Deserialize(&bytes, &response);
    if (!read.ok()) return absl::InternalError(absl::StrCat("the answer cannot be read: ", read.error_message()));
    limit_.Learn(response.limits().max_message_bytes());
    return FromMessage(response);
  }

  int64_t max_message_bytes() const override { return limit_.bytes(); }

 private:
  static void AwaitEnd(UnaryExchange& exchange, OneEvent& event) {
    do {
      event.Wait();
    } while (exchange.Advance());
  }

  grpc::GenericStub& NextStub() { return *stubs_[next_++ % stubs_.size()]; }

  const ClientOptions options_;
  MessageLimit limit_;
  BufferPool pool_;
  const std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  std::atomic<size_t> next_{0};
  EventLoop loop_;
  CallRegistry registry_;
};

}  // namespace

void CallHandle::Cancel() {
  if (const auto call = call_.lock()) call->Cancel();
}

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const std::string& target, ClientOptions options) {
  LOSSD_RETURN_IF_ERROR(CheckTarget(target));
  LOSSD_RETURN_IF_ERROR(options.Validate());
  const absl::Duration connect_timeout = options.connect_timeout;
  const bool ask_for_limit = !options.max_message_bytes && connect_timeout > absl::ZeroDuration();
  auto client = std::make_unique<GrpcClient>(target, std::move(options));
  if (connect_timeout > absl::ZeroDuration() && !client->WaitUntilConnected()) {
    return absl::UnavailableError(absl::StrCat("no connection to ", target, " within ",
                                               absl::FormatDuration(connect_timeout), client->WhyNotConnected()));
  }
  if (ask_for_limit) client->ServerInfoWithin(connect_timeout).IgnoreError();  // What fails so will say it better.
  return client;
}

}  // namespace lossd::client
