// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/raw_loss_service.h"

#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/impl/codegen/rpc_service_method.h"

namespace lossd {
namespace {

using grpc::internal::RpcMethod;
using grpc::internal::RpcServiceMethod;

enum MethodIndex { kCompute, kComputeStream, kGetServerInfo };

}  // namespace

RawLossService::RawLossService() {
  AddMethod(new RpcServiceMethod("/lossd.v1.LossService/Compute", RpcMethod::BIDI_STREAMING, nullptr));
  AddMethod(new RpcServiceMethod("/lossd.v1.LossService/ComputeStream", RpcMethod::BIDI_STREAMING, nullptr));
  AddMethod(new RpcServiceMethod("/lossd.v1.LossService/GetServerInfo", RpcMethod::NORMAL_RPC, nullptr));
  MarkMethodRaw(kCompute);
  MarkMethodRaw(kComputeStream);
  MarkMethodAsync(kGetServerInfo);
}

void RawLossService::RequestCompute(grpc::ServerContext* context, RawStream* stream, grpc::ServerCompletionQueue* queue,
                                    void* tag) {
  RequestAsyncBidiStreaming(kCompute, context, stream, queue, queue, tag);
}

void RawLossService::RequestComputeStream(grpc::ServerContext* context, RawStream* stream,
                                          grpc::ServerCompletionQueue* queue, void* tag) {
  RequestAsyncBidiStreaming(kComputeStream, context, stream, queue, queue, tag);
}

void RawLossService::RequestGetServerInfo(grpc::ServerContext* context, v1::GetServerInfoRequest* request,
                                          grpc::ServerAsyncResponseWriter<v1::GetServerInfoResponse>* writer,
                                          grpc::ServerCompletionQueue* queue, void* tag) {
  RequestAsyncUnary(kGetServerInfo, context, request, writer, queue, queue, tag);
}

}  // namespace lossd
