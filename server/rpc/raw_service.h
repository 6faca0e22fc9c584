// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Services whose messages are bytes.

#ifndef LOSSD_SERVER_RPC_RAW_SERVICE_H_
#define LOSSD_SERVER_RPC_RAW_SERVICE_H_

#include <initializer_list>

#include "grpcpp/completion_queue.h"
#include "grpcpp/impl/codegen/async_stream.h"
#include "grpcpp/impl/codegen/service_type.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"

namespace lossd {

using RawStream = grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;

// Methods without types. Each is registered as a bidirectional stream, whatever its callers take it for, which is the
// same on the wire: a call is handed over before its message is read, so that we decide whether it is read, and before
// it is parsed, so that we decide how large it may be. Used by one server. Thread-safe.
class RawService : public grpc::Service {
 public:
  // `methods` are full names: "/package.Service/Method".
  RawService(std::initializer_list<const char*> methods);

  // Waits for one call of the method of that index among `methods`: `tag` is reported on `queue`, with ok = false if
  // the server shuts down first. `context` and `stream` are fresh, not owned, and live until the call has ended, or
  // until then. Once the service is registered and the server has started.
  void Request(int method, grpc::ServerContext* context, RawStream* stream, grpc::ServerCompletionQueue* queue,
               void* tag);
};

}  // namespace lossd

#endif  // LOSSD_SERVER_RPC_RAW_SERVICE_H_
