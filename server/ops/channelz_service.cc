// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/channelz_service.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/status/status_macros.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/util/json_util.h"
#include "grpc/grpc.h"
#include "grpc/support/alloc.h"
#include "grpcpp/ext/channelz_service_plugin.h"
#include "server/rpc/small_message.h"

namespace lossd {
namespace {

using ::google::protobuf::Message;

// A method: its name, and what gRPC answers it with, as JSON to be freed; null: there is no such thing.
struct Method {
  const char* name;
  char* (*answer)(const Message& request);
};

int64_t Number(const Message& request, const char* field) {
  return request.GetReflection()->GetInt64(request, request.GetDescriptor()->FindFieldByName(field));
}

constexpr std::array<Method, 7> kMethods = {{
    {"GetTopChannels", [](const Message& r) { return grpc_channelz_get_top_channels(Number(r, "start_channel_id")); }},
    {"GetServers", [](const Message& r) { return grpc_channelz_get_servers(Number(r, "start_server_id")); }},
    {"GetServer", [](const Message& r) { return grpc_channelz_get_server(Number(r, "server_id")); }},
    {"GetServerSockets",
     [](const Message& r) {
       return grpc_channelz_get_server_sockets(Number(r, "server_id"), Number(r, "start_socket_id"),
                                               Number(r, "max_results"));
     }},
    {"GetChannel", [](const Message& r) { return grpc_channelz_get_channel(Number(r, "channel_id")); }},
    {"GetSubchannel", [](const Message& r) { return grpc_channelz_get_subchannel(Number(r, "subchannel_id")); }},
    {"GetSocket", [](const Message& r) { return grpc_channelz_get_socket(Number(r, "socket_id")); }},
}};

// A message of the types that gRPC's library brings along.
std::unique_ptr<Message> NewMessage(const std::string& type) {
  // Whoever names it is linked to the library.
  [[maybe_unused]] static void (*const volatile library)() = &grpc::channelz::experimental::InitChannelzService;
  const auto* const descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName("grpc.channelz.v1." + type);
  if (descriptor == nullptr) return nullptr;
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
}

absl::StatusOr<grpc::ByteBuffer> Answer(const Method& method, const ReceivedMessage& bytes) {
  const std::unique_ptr<Message> request = NewMessage(absl::StrCat(method.name, "Request"));
  const std::unique_ptr<Message> response = NewMessage(absl::StrCat(method.name, "Response"));
  if (request == nullptr || response == nullptr) return absl::UnimplementedError("channelz: this build has none");
  LOSSD_RETURN_IF_ERROR(ParseSmallMessage(bytes, *request));
  const std::unique_ptr<char, void (*)(void*)> json(method.answer(*request), gpr_free);
  if (json == nullptr) return absl::NotFoundError(absl::StrCat(method.name, ": expected an id that exists"));
  const auto parsed = google::protobuf::util::JsonStringToMessage(json.get(), response.get());
  if (!parsed.ok()) return absl::InternalError(absl::StrCat("channelz: ", parsed.ToString()));
  return Serialized(*response);
}

}  // namespace

ChannelzService::ChannelzService(const RpcMethodRules& rules)
    : service_({"/grpc.channelz.v1.Channelz/GetTopChannels", "/grpc.channelz.v1.Channelz/GetServers",
                "/grpc.channelz.v1.Channelz/GetServer", "/grpc.channelz.v1.Channelz/GetServerSockets",
                "/grpc.channelz.v1.Channelz/GetChannel", "/grpc.channelz.v1.Channelz/GetSubchannel",
                "/grpc.channelz.v1.Channelz/GetSocket"}) {
  for (const Method& method : kMethods) {
    answers_.push_back([&method](const ReceivedMessage& message) { return Answer(method, message); });
  }
  rules_.reserve(kMethods.size());
  for (size_t i = 0; i < kMethods.size(); ++i) {
    rules_.push_back(ForMethod(rules, service_, static_cast<int>(i),
                               [&answer = answers_[i]](const RpcMethodRules& own, CallQueue& queue) {
                                 return std::make_shared<PromptCall>(own, queue, answer);
                               }));
  }
}

void ChannelzService::Await(CallQueue& queue) {
  for (const RpcMethodRules& rules : rules_) RpcCall::Await(rules, queue);
}

}  // namespace lossd
