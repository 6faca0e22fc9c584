// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/channel.h"

#include <grpc/grpc.h>
#include <grpcpp/generic/generic_stub.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "client/cpp/grpc_status.h"
#include "client/cpp/local_target.h"

namespace lossd::client {
namespace {

// gRPC takes milliseconds as int; what is longer is as good as never.
int Milliseconds(absl::Duration duration) {
  return static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(duration), 1, INT32_MAX));
}

std::string Seconds(absl::Duration duration) {
  return absl::StrFormat("%.3fs", std::clamp(absl::ToDoubleSeconds(duration), 0.001, 86400.0));
}

std::shared_ptr<grpc::ChannelCredentials> Credentials(const ClientOptions& options) {
  if (!options.tls) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials(
      {options.tls->root_certificates, options.tls->private_key, options.tls->certificate_chain});
}

grpc::ChannelArguments Arguments(const std::string& target, const ClientOptions& options) {
  const int max_message_bytes = static_cast<int>(options.max_message_bytes.value_or(INT32_MAX));  // See MessageLimit.
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(max_message_bytes);
  arguments.SetMaxSendMessageSize(max_message_bytes);
  arguments.SetServiceConfigJSON(ServiceConfig(options));
  // Without this, streams that hold more than 256 KiB are not opened again.
  arguments.SetInt(GRPC_ARG_PER_RPC_RETRY_BUFFER_SIZE, max_message_bytes);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, options.patience > absl::ZeroDuration() ? 1 : 0);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options.keepalive_time));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(options.keepalive_timeout));
  // Reconnect after a restart as fast as retries want it.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, Milliseconds(options.initial_backoff));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                   Milliseconds(std::min(options.connect_timeout, absl::Seconds(5))));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, Milliseconds(options.max_backoff));
  if (IsLocalTarget(target)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Channels with equal arguments would share connections.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

}  // namespace

std::string ServiceConfig(const ClientOptions& options) {
  std::string retry;
  if (options.max_attempts > 1 && options.patience > absl::ZeroDuration()) {
    retry = absl::StrFormat(R"(, "retryPolicy": {"maxAttempts": %d, "initialBackoff": "%s", "maxBackoff": "%s", )"
                            R"("backoffMultiplier": 2.0, "retryableStatusCodes": ["UNAVAILABLE"]})",
                            options.max_attempts, Seconds(options.initial_backoff), Seconds(options.max_backoff));
  }
  return absl::StrCat(
      R"({"loadBalancingConfig": [{")", options.round_robin ? "round_robin" : "pick_first",
      R"(": {}}], "methodConfig": [{"name": [{"service": "lossd.v1.LossService", "method": "ComputeStream"}])", retry,
      "}]}");
}

std::vector<std::shared_ptr<grpc::Channel>> MakeChannels(const std::string& target, const ClientOptions& options) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < options.channels; ++i) {
    channels.push_back(grpc::CreateCustomChannel(target, Credentials(options), Arguments(target, options)));
  }
  return channels;
}

std::string WhyNotConnected(const std::shared_ptr<grpc::Channel>& channel) {
  if (channel->GetState(false) != GRPC_CHANNEL_TRANSIENT_FAILURE) return "";
  // A call now fails at once, with the reason: one of a service whose calls are not tried again.
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(1));
  const auto call =
      grpc::GenericStub(channel).PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::ByteBuffer(), &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  queue.Next(&tag, &ok);
  if (status.error_code() != grpc::StatusCode::UNAVAILABLE) return "";
  return absl::StrCat(": ", ToAbslStatus(status).message());
}

}  // namespace lossd::client
