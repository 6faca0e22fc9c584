// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/raw_service.h"

#include "grpcpp/impl/codegen/rpc_service_method.h"

namespace lossd {

RawService::RawService(std::initializer_list<const char*> methods) {
  int index = 0;
  for (const char* method : methods) {
    AddMethod(new grpc::internal::RpcServiceMethod(method, grpc::internal::RpcMethod::BIDI_STREAMING, nullptr));
    MarkMethodRaw(index++);
  }
}

void RawService::Request(int method, grpc::ServerContext* context, RawStream* stream,
                         grpc::ServerCompletionQueue* queue, void* tag) {
  RequestAsyncBidiStreaming(method, context, stream, queue, queue, tag);
}

}  // namespace lossd
