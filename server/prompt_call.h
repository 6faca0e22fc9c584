// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Unary calls that are answered at once.

#ifndef LOSSD_SERVER_PROMPT_CALL_H_
#define LOSSD_SERVER_PROMPT_CALL_H_

#include <functional>
#include <memory>

#include "grpcpp/completion_queue.h"
#include "grpcpp/impl/codegen/async_unary_call.h"
#include "grpcpp/server_context.h"
#include "server/completion.h"

namespace lossd {

// A unary method whose handler returns at once and does not throw. Waits for calls and answers them, one object a call,
// kept alive by what is outstanding.
template <typename Request, typename Response>
class PromptCall : public std::enable_shared_from_this<PromptCall<Request, Response>> {
 public:
  struct Method {
    // Waits for a call on a queue, as the generated Request... functions do.
    std::function<void(grpc::ServerContext*, Request*, grpc::ServerAsyncResponseWriter<Response>*,
                       grpc::ServerCompletionQueue*, void* tag)>
        request;
    std::function<grpc::Status(const grpc::ServerContext&, const Request&, Response*)> handle;
  };

  // `method` is not owned and outlives the server.
  static void Await(const Method& method, CallQueue& queue) {
    const auto call = std::make_shared<PromptCall>();
    method.request(&call->context_, &call->message_, &call->writer_, queue.get(),
                   queue.Tag([call, &method, &queue](bool ok) {
                     if (ok) call->OnArrived(method, queue);
                   }));
  }

 private:
  void OnArrived(const Method& method, CallQueue& queue) {
    Await(method, queue);
    Response response;
    const grpc::Status status = method.handle(context_, message_, &response);
    writer_.Finish(response, status, queue.Tag([self = this->shared_from_this()](bool) {}));
  }

  grpc::ServerContext context_;
  Request message_;
  grpc::ServerAsyncResponseWriter<Response> writer_{&context_};
};

}  // namespace lossd

#endif  // LOSSD_SERVER_PROMPT_CALL_H_
