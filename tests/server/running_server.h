// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A real server in the test's process, on free ports.

#ifndef LOSSD_TESTS_SERVER_RUNNING_SERVER_H_
#define LOSSD_TESTS_SERVER_RUNNING_SERVER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "core/scheduling/clock.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/status.h"
#include "lossd/v1/loss_service.grpc.pb.h"
#include "server/loss_server.h"
#include "tests/support/held_backend.h"

namespace lossd::testing {

// Free ports of 127.0.0.1, and no limit on how long a transfer may take.
ServerOptions TestOptions();

// A request of squared_norm over `values` as x.0.
v1::ComputeRequest MakeRequest(const std::vector<float>& values = {1, 2, 3}, const std::string& request_id = "id");

// A channel of its own to `address`, with no limit on messages.
std::shared_ptr<grpc::Channel> MakeChannel(
    const std::string& address,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials = grpc::InsecureChannelCredentials());

// The google.rpc.Status in a status's details.
google::rpc::Status DetailsOf(const grpc::Status& status);

// The server, its backend and a client. Shut down, if the test has not, when destroyed.
class RunningServer {
 public:
  // `clock` is not owned and outlives this. `credentials` are the client's.
  explicit RunningServer(
      const ServerOptions& options = TestOptions(), Clock& clock = RealClock(),
      const std::shared_ptr<grpc::ChannelCredentials>& credentials = grpc::InsecureChannelCredentials());
  ~RunningServer();

  LossServer& server() { return *server_; }
  HeldBackend& backend() { return backend_; }
  v1::LossService::Stub& stub() { return *stub_; }
  const std::shared_ptr<grpc::Channel>& channel() { return channel_; }
  const std::string& address() const { return server_->addresses().listen[0]; }

  // A unary call that waits for its answer.
  grpc::Status Call(const v1::ComputeRequest& request, v1::ComputeResponse* response = nullptr);

  // Stops the server; what is counted and logged after an answer has left is complete then.
  void Stop() { server_.reset(); }

  // Value of a series, as "name{labels}", now. Fails the test, and is NaN, if there is none.
  double Metric(const std::string& series) const;
  // Whether there is one, which gauges of a server that has gone are not.
  bool HasMetric(const std::string& series) const;

  // Stops server and logger: everything that was logged.
  std::string StopAndGetLog();

 private:
  // What stands behind the series's name; nullopt if there is none.
  std::optional<std::string> MetricText(const std::string& series) const;

  HeldBackend backend_;
  Metrics metrics_;
  std::string log_;
  std::unique_ptr<Logger> logger_;
  std::unique_ptr<LossServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::LossService::Stub> stub_;
};

// A unary call in progress, finished on a queue of its own.
class PendingCall {
 public:
  PendingCall(RunningServer& server, const v1::ComputeRequest& request);
  ~PendingCall();

  grpc::ClientContext& context() { return context_; }
  const v1::ComputeResponse& response() const { return response_; }
  // Waits for the end.
  grpc::Status Await();

 private:
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  v1::ComputeResponse response_;
  grpc::Status status_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::ComputeResponse>> reader_;
  bool awaited_ = false;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SERVER_RUNNING_SERVER_H_
