// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/reflection_service.h"

#include <memory>
#include <set>
#include <utility>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "server/rpc/small_message.h"

namespace lossd {
namespace {

using ::google::protobuf::DescriptorPool;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::FileDescriptor;
using ::grpc::reflection::v1::ServerReflectionRequest;
using ::grpc::reflection::v1::ServerReflectionResponse;

const DescriptorPool& Pool() { return *DescriptorPool::generated_pool(); }

void SetNotFound(const std::string& what, ServerReflectionResponse& response) {
  response.mutable_error_response()->set_error_code(grpc::StatusCode::NOT_FOUND);
  response.mutable_error_response()->set_error_message("not found: " + what);
}

// `file` and what it imports, each once, importers first.
void AddFile(const FileDescriptor& file, std::set<const FileDescriptor*>& seen, ServerReflectionResponse& response) {
  if (!seen.insert(&file).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.mutable_file_descriptor_response()->add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), seen, response);
}

void SetFile(const FileDescriptor* file, const std::string& what, ServerReflectionResponse& response) {
  if (file == nullptr) return SetNotFound(what, response);
  std::set<const FileDescriptor*> seen;
  AddFile(*file, seen, response);
}

const FileDescriptor* FileOfExtension(const grpc::reflection::v1::ExtensionRequest& request) {
  const auto* type = Pool().FindMessageTypeByName(request.containing_type());
  if (type == nullptr) return nullptr;
  const FieldDescriptor* extension = Pool().FindExtensionByNumber(type, request.extension_number());
  return extension == nullptr ? nullptr : extension->file();
}

void SetExtensionNumbers(const std::string& type_name, ServerReflectionResponse& response) {
  const auto* type = Pool().FindMessageTypeByName(type_name);
  if (type == nullptr) return SetNotFound(type_name, response);
  std::vector<const FieldDescriptor*> extensions;
  Pool().FindAllExtensions(type, &extensions);
  auto* numbers = response.mutable_all_extension_numbers_response();
  numbers->set_base_type_name(type_name);
  for (const FieldDescriptor* extension : extensions) numbers->add_extension_number(extension->number());
}

// One call: reads a question, writes its answer, and so on until the client has no more.
class ReflectionCall final : public RpcCall {
 public:
  ReflectionCall(const RpcMethodRules& rules, CallQueue& queue, const std::vector<std::string>& services)
      : RpcCall(rules, queue), services_(services) {}

 private:
  void OnEntered() override { Read(std::move(reservation())); }

  void OnMessage(ReceivedMessage message, Reservation reservation) override {
    this->reservation() = std::move(reservation);
    ServerReflectionRequest request;
    const absl::Status parsed = ParseSmallMessage(message, request);
    if (!parsed.ok()) return Finish(parsed);
    Write(Serialized(AnswerReflection(request, services_)));
  }

  void OnNoMessage() override { Finish(absl::OkStatus()); }
  void OnWritten(bool /*ok*/) override { Read(std::move(reservation())); }  // No message comes to one that is gone.

  const std::vector<std::string>& services_;
};

}  // namespace

ServerReflectionResponse AnswerReflection(const ServerReflectionRequest& request,
                                          const std::vector<std::string>& services) {
  ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case ServerReflectionRequest::kFileByFilename:
      SetFile(Pool().FindFileByName(request.file_by_filename()), request.file_by_filename(), response);
      break;
    case ServerReflectionRequest::kFileContainingSymbol:
      SetFile(Pool().FindFileContainingSymbol(request.file_containing_symbol()), request.file_containing_symbol(),
              response);
      break;
    case ServerReflectionRequest::kFileContainingExtension:
      SetFile(FileOfExtension(request.file_containing_extension()),
              request.file_containing_extension().containing_type(), response);
      break;
    case ServerReflectionRequest::kAllExtensionNumbersOfType:
      SetExtensionNumbers(request.all_extension_numbers_of_type(), response);
      break;
    case ServerReflectionRequest::kListServices:
      for (const std::string& name : services) response.mutable_list_services_response()->add_service()->set_name(name);
      break;
    case ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      response.mutable_error_response()->set_error_code(grpc::StatusCode::INVALID_ARGUMENT);
      response.mutable_error_response()->set_error_message("message_request: expected a question, got none");
      break;
  }
  return response;
}

ReflectionService::ReflectionService(std::vector<std::string> services, const RpcMethodRules& rules)
    : names_(std::move(services)),
      v1_({"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"}),
      v1alpha_({"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"}),
      v1_rules_(ForMethod(rules, v1_, 0, Maker())),
      v1alpha_rules_(ForMethod(rules, v1alpha_, 0, Maker())) {}

RpcMethodRules::Maker ReflectionService::Maker() {
  return [this](const RpcMethodRules& rules, CallQueue& queue) {
    return std::make_shared<ReflectionCall>(rules, queue, names_);
  };
}

void ReflectionService::Await(CallQueue& queue) {
  RpcCall::Await(v1_rules_, queue);
  RpcCall::Await(v1alpha_rules_, queue);
}

}  // namespace lossd
