// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A LossService in the test's own process, which answers as the test says.

#ifndef LOSSD_TESTS_CLIENT_CPP_FAKE_LOSS_SERVICE_H_
#define LOSSD_TESTS_CLIENT_CPP_FAKE_LOSS_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "lossd/v1/loss_service.grpc.pb.h"

namespace lossd::client {

// Answers squared_norm over FLOAT32 inputs, whatever loss is asked for.
inline grpc::Status AnswerSquaredNorm(const v1::ComputeRequest& request, v1::ComputeResponse* response) {
  response->set_request_id(request.request_id());
  double sum = 0;
  for (const v1::Tensor& input : request.inputs()) {
    const auto* elements = reinterpret_cast<const float*>(input.data().data());
    for (size_t i = 0; i < input.data().size() / sizeof(float); ++i) sum += 0.5 * elements[i] * elements[i];
    *response->add_gradients() = input;
  }
  response->set_objective(sum);
  v1::Tensor& loss = *response->add_outputs();
  loss.set_name("loss");
  loss.set_dtype(v1::DTYPE_FLOAT32);
  const float value = static_cast<float>(sum);
  loss.set_data(&value, sizeof(value));
  return grpc::Status::OK;
}

// INVALID_ARGUMENT about `field`, with the details that lossd attaches.
inline google::rpc::Status Refusal(const std::string& field, const std::string& description) {
  google::rpc::BadRequest bad_request;
  auto& violation = *bad_request.add_field_violations();
  violation.set_field(field);
  violation.set_description(description);
  google::rpc::Status status;
  status.set_code(3);
  status.set_message(absl::StrCat(field, ": ", description));
  status.add_details()->PackFrom(bad_request);
  return status;
}

inline grpc::Status ToGrpc(const google::rpc::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), status.message(), status.SerializeAsString()};
}

// Thread-safe as far as its handlers are.
class FakeLossService : public v1::LossService::Service {
 public:
  using ComputeHandler =
      std::function<grpc::Status(grpc::ServerContext*, const v1::ComputeRequest&, v1::ComputeResponse*)>;
  using Stream = grpc::ServerReaderWriter<v1::ComputeResponse, v1::ComputeRequest>;
  using StreamHandler = std::function<grpc::Status(Stream*)>;

  // Answers each message at once.
  static grpc::Status AnswerEach(Stream* stream) {
    v1::ComputeRequest request;
    while (stream->Read(&request)) {
      v1::ComputeResponse response;
      AnswerSquaredNorm(request, &response);
      stream->Write(response);
    }
    return grpc::Status::OK;
  }

  ComputeHandler on_compute = [](grpc::ServerContext*, const v1::ComputeRequest& request,
                                 v1::ComputeResponse* response) { return AnswerSquaredNorm(request, response); };
  StreamHandler on_stream = AnswerEach;
  v1::GetServerInfoResponse info;

  grpc::Status Compute(grpc::ServerContext* context, const v1::ComputeRequest* request,
                       v1::ComputeResponse* response) override {
    return on_compute(context, *request, response);
  }
  grpc::Status ComputeStream(grpc::ServerContext*, Stream* stream) override { return on_stream(stream); }
  grpc::Status GetServerInfo(grpc::ServerContext*, const v1::GetServerInfoRequest*,
                             v1::GetServerInfoResponse* response) override {
    *response = info;
    return grpc::Status::OK;
  }
};

// Serves a FakeLossService at an address that the system picks. Destruction cancels calls under way.
class FakeServer {
 public:
  explicit FakeServer(const std::string& address = "127.0.0.1:0") {
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(64 << 20);
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service);
    server_ = builder.BuildAndStart();
  }
  ~FakeServer() {
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
  }

  std::string target() const { return absl::StrCat("127.0.0.1:", port_); }

  FakeLossService service;

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace lossd::client

#endif  // LOSSD_TESTS_CLIENT_CPP_FAKE_LOSS_SERVICE_H_
