// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/reflection_service.h"

#include <memory>
#include <set>
#include <utility>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "server/completion.h"
#include "server/rpc_status.h"
#include "server/small_message.h"

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

// One call: reads a question, writes its answer, and so on until the client has no more. Kept alive by what is
// outstanding, which is one operation at a time.
class ReflectionCall : public std::enable_shared_from_this<ReflectionCall> {
 public:
  ReflectionCall(RawService& version, const std::vector<std::string>& services, CallQueue& queue)
      : version_(version), services_(services), queue_(queue) {}

  static void Await(RawService& version, const std::vector<std::string>& services, CallQueue& queue) {
    const auto call = std::make_shared<ReflectionCall>(version, services, queue);
    version.Request(0, &call->context_, &call->stream_, queue.get(), queue.Tag([call](bool ok) {
      if (ok) call->OnArrived();
    }));
  }

 private:
  void OnArrived() {
    Await(version_, services_, queue_);
    Read();
  }

  void Read() {
    stream_.Read(&message_, queue_.Tag([self = shared_from_this()](bool ok) { self->OnRead(ok); }));
  }

  void OnRead(bool ok) {
    if (!ok) return Finish(absl::OkStatus());
    ServerReflectionRequest request;
    const absl::Status parsed = ParseSmallMessage(message_, request);
    if (!parsed.ok()) return Finish(parsed);
    stream_.Write(Serialized(AnswerReflection(request, services_)),
                  queue_.Tag([self = shared_from_this()](bool) { self->Read(); }));
  }

  void Finish(const absl::Status& status) {
    stream_.Finish(ToGrpcStatus(status, ""), queue_.Tag([self = shared_from_this()](bool) {}));
  }

  RawService& version_;
  const std::vector<std::string>& services_;
  CallQueue& queue_;
  grpc::ServerContext context_;
  RawStream stream_{&context_};
  grpc::ByteBuffer message_;
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

ReflectionService::ReflectionService(std::vector<std::string> services)
    : names_(std::move(services)),
      v1_({"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"}),
      v1alpha_({"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"}) {}

void ReflectionService::Await(CallQueue& queue) {
  ReflectionCall::Await(v1_, names_, queue);
  ReflectionCall::Await(v1alpha_, names_, queue);
}

}  // namespace lossd
