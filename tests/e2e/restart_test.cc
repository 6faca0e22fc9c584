// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Real servers restart under load, one of two, or the only one there is: no call of a client that retries fails.

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "client/cpp/client.h"
#include "client/load/load_request.h"
#include "gmock/gmock.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "tests/e2e/watched_server.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

constexpr int kCallers = 8;
constexpr int kRestarts = 5;  // LOSSD_RESTARTS asks for more.

int Restarts() {
  const char* const text = std::getenv("LOSSD_RESTARTS");
  int restarts = 0;
  return text != nullptr && absl::SimpleAtoi(text, &restarts) ? restarts : kRestarts;
}

// Callers that call a server until they are stopped.
class Callers {
 public:
  explicit Callers(const std::string& target) {
    client::ClientOptions options;
    options.round_robin = true;
    client_ = *client::Client::Connect(target, options);
    for (int i = 0; i < kCallers; ++i) threads_.emplace_back([this] { Call(); });
  }
  ~Callers() { Stop(); }

  // Waits for `calls` more calls to end.
  void Await(int64_t calls) {
    absl::MutexLock lock(&mu_);
    const int64_t goal = ended_ + calls;
    const auto reached = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return ended_ >= goal; };
    mu_.Await(absl::Condition(&reached));
  }
  // Stops; the errors that there were.
  std::vector<std::string> Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    absl::MutexLock lock(&mu_);
    return errors_;
  }
  int64_t ended() {
    absl::MutexLock lock(&mu_);
    return ended_;
  }

 private:
  void Call() {
    client::ComputeRequest request;
    request.loss = client::NtXent();
    for (const TensorSpec& spec : load::InputsOfShape(request.loss, {64, 64}, DType::kFloat32, 1)) {
      request.inputs.push_back(client::InputTensor::Share(load::RandomTensor(spec, 1)));
    }
    while (!stop_) {
      const auto response = client_->Compute(request);
      absl::MutexLock lock(&mu_);
      ++ended_;
      if (!response.ok()) errors_.push_back(response.status().ToString());
    }
  }

  std::unique_ptr<client::Client> client_;
  std::atomic<bool> stop_{false};
  absl::Mutex mu_;
  int64_t ended_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::string> errors_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> threads_;
};

TEST(RestartTest, NoCallFailsWhileOneOfTwoServersRestarts) {
  const std::vector<std::string> flags = {"--threads=1", "--log_level=warning"};
  ASSERT_OK_AND_ASSIGN(const auto steady, ServerProcess::Start(flags));
  ASSERT_OK_AND_ASSIGN(auto restarting, ServerProcess::Start(flags));
  const std::string address = restarting->address();
  Callers callers(absl::StrCat("ipv4:", steady->address(), ",", address));
  std::vector<std::string> again = flags;
  again.push_back("--listen=" + address);
  for (int i = 0; i < Restarts(); ++i) {
    callers.Await(200);
    EXPECT_EQ(restarting->Stop(), 0) << restarting->process().Errors();
    ASSERT_OK_AND_ASSIGN(restarting, ServerProcess::Start(again));
  }
  callers.Await(200);
  const std::vector<std::string> errors = callers.Stop();
  EXPECT_THAT(errors, ::testing::IsEmpty());
  std::cout << absl::StrFormat("%d restarts, %d calls, %d failed\n", Restarts(), callers.ended(), errors.size());
  EXPECT_EQ(restarting->Stop(), 0);
  EXPECT_EQ(steady->Stop(), 0);
}

// A stock client with gRPC's retry policy for UNAVAILABLE, and a wait before it connects anew that suits a restart.
std::unique_ptr<v1::LossService::Stub> RetryingStub(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(
      R"({"methodConfig": [{"name": [{"service": "lossd.v1.LossService"}], "retryPolicy": {"maxAttempts": 5,)"
      R"( "initialBackoff": "0.5s", "maxBackoff": "5s", "backoffMultiplier": 2,)"
      R"( "retryableStatusCodes": ["UNAVAILABLE"]}}]})");
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return v1::LossService::NewStub(grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
}

// Callers that make so many calls each.
class RetryingCallers {
 public:
  RetryingCallers(const std::string& address, int calls) {
    for (int i = 0; i < kCallers; ++i) {
      threads_.emplace_back([this, calls, stub = std::shared_ptr(RetryingStub(address))] {
        for (int call = 0; call < calls; ++call) Call(*stub);
      });
    }
  }

  void Await(int64_t calls) {
    absl::MutexLock lock(&mu_);
    const auto reached = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return ended_ >= calls; };
    mu_.Await(absl::Condition(&reached));
  }
  // Waits for all calls; the errors that there were.
  std::vector<std::string> Join() {
    for (std::thread& thread : threads_) thread.join();
    absl::MutexLock lock(&mu_);
    return errors_;
  }

 private:
  void Call(v1::LossService::Stub& stub) {
    grpc::ClientContext context;
    v1::ComputeResponse response;
    const grpc::Status status = stub.Compute(&context, request_, &response);
    absl::MutexLock lock(&mu_);
    ++ended_;
    if (!status.ok()) errors_.push_back(absl::StrCat(status.error_code(), " ", status.error_message()));
  }

  const v1::ComputeRequest request_ = ContrastRequest(64, 64);
  absl::Mutex mu_;
  int64_t ended_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::string> errors_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> threads_;
};

TEST(RestartTest, TwoHundredCallsThatMayRetryOutliveTheRestartOfTheOnlyServer) {
  const std::vector<std::string> flags = {"--threads=1", "--log_level=warning"};
  ASSERT_OK_AND_ASSIGN(auto server, ServerProcess::Start(flags));
  std::vector<std::string> again = flags;
  again.push_back("--listen=" + server->address());
  RetryingCallers callers(server->address(), 200 / kCallers);
  callers.Await(100);
  EXPECT_EQ(server->Stop(), 0) << server->process().Errors();
  const auto restarted = ServerProcess::Start(again);
  const std::vector<std::string> errors = callers.Join();
  ASSERT_OK(restarted.status());
  EXPECT_THAT(errors, ::testing::IsEmpty());
  EXPECT_EQ((*restarted)->Stop(), 0);
}

}  // namespace
}  // namespace lossd::testing
