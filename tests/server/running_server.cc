// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/server/running_server.h"

#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"

namespace lossd::testing {

ServerOptions TestOptions() {
  ServerOptions options;
  options.listen = options.admin_listen = options.http_listen = {"127.0.0.1:0"};
  options.transfer_timeout = absl::InfiniteDuration();  // Nothing but what is tested waits for the test's clock.
  return options;
}

v1::ComputeRequest MakeRequest(const std::vector<float>& values, const std::string& request_id) {
  v1::ComputeRequest request;
  request.set_request_id(request_id);
  request.mutable_loss()->mutable_squared_norm();
  v1::Tensor* input = request.add_inputs();
  input->set_name("x.0");
  input->set_dtype(v1::DTYPE_FLOAT32);
  input->add_shape(static_cast<int64_t>(values.size()));
  input->set_data(values.data(), values.size() * sizeof(float));
  return request;
}

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address,
                                           const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

RunningServer::RunningServer(const ServerOptions& options, Clock& clock,
                             const std::shared_ptr<grpc::ChannelCredentials>& credentials)
    : logger_(std::make_unique<Logger>(LogLevel::kInfo, LogFormat::kJson,
                                       [this](absl::string_view lines) { log_ += std::string(lines); })) {
  auto files = CredentialFiles::Load(options);
  EXPECT_TRUE(files.ok()) << files.status();
  auto server = LossServer::Start(options, *std::move(files), backend_, metrics_, *logger_, clock);
  EXPECT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  channel_ = MakeChannel(address(), credentials);
  stub_ = v1::LossService::NewStub(channel_);
}

RunningServer::~RunningServer() { backend_.Release(); }

grpc::Status RunningServer::Call(const v1::ComputeRequest& request, v1::ComputeResponse* response) {
  grpc::ClientContext context;
  v1::ComputeResponse ignored;
  return stub_->Compute(&context, request, response == nullptr ? &ignored : response);
}

std::optional<std::string> RunningServer::MetricText(const std::string& series) const {
  const std::string text = absl::StrCat("\n", metrics_.Text());
  const size_t place = text.find(absl::StrCat("\n", series, " "));
  if (place == std::string::npos) return std::nullopt;
  const size_t start = place + series.size() + 2;
  return text.substr(start, text.find('\n', start) - start);
}

bool RunningServer::HasMetric(const std::string& series) const { return MetricText(series).has_value(); }

double RunningServer::Metric(const std::string& series) const {
  const std::optional<std::string> text = MetricText(series);
  double value = std::nan("");
  if (!text.has_value()) {
    ADD_FAILURE() << "expected a series " << series << " in\n" << metrics_.Text();
  } else {
    EXPECT_TRUE(absl::SimpleAtod(*text, &value)) << series << ": expected a number, got " << *text;
  }
  return value;
}

std::string RunningServer::StopAndGetLog() {
  server_.reset();
  logger_.reset();
  return log_;
}

PendingCall::PendingCall(RunningServer& server, const v1::ComputeRequest& request) {
  reader_ = server.stub().AsyncCompute(&context_, request, &queue_);
  reader_->Finish(&response_, &status_, this);
}

PendingCall::~PendingCall() {
  if (!awaited_) {
    context_.TryCancel();
    Await();
  }
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

grpc::Status PendingCall::Await() {
  void* tag = nullptr;
  bool ok = false;
  if (!awaited_) queue_.Next(&tag, &ok);
  awaited_ = true;
  return status_;
}

}  // namespace lossd::testing
