// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The calls of lossd.v1.LossService as gRPC sees them.

#ifndef LOSSD_SERVER_RAW_LOSS_SERVICE_H_
#define LOSSD_SERVER_RAW_LOSS_SERVICE_H_

#include "grpcpp/completion_queue.h"
#include "grpcpp/impl/codegen/async_stream.h"
#include "grpcpp/impl/codegen/async_unary_call.h"
#include "grpcpp/impl/codegen/service_type.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "lossd/v1/loss_service.pb.h"

namespace lossd {

using RawStream = grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;

// The service, with its messages as bytes. Compute is unary on the wire but is registered as a bidirectional stream, so
// that a call is handed over before its message is read: what cannot be taken is refused before it is buffered. Used by
// one server. Thread-safe.
class RawLossService final : public grpc::Service {
 public:
  RawLossService();

  // Waits for a call: `tag` is reported on `queue` with ok = false if the server shuts down first.
  void RequestCompute(grpc::ServerContext* context, RawStream* stream, grpc::ServerCompletionQueue* queue, void* tag);
  void RequestComputeStream(grpc::ServerContext* context, RawStream* stream, grpc::ServerCompletionQueue* queue,
                            void* tag);
  void RequestGetServerInfo(grpc::ServerContext* context, v1::GetServerInfoRequest* request,
                            grpc::ServerAsyncResponseWriter<v1::GetServerInfoResponse>* writer,
                            grpc::ServerCompletionQueue* queue, void* tag);
};

}  // namespace lossd

#endif  // LOSSD_SERVER_RAW_LOSS_SERVICE_H_
