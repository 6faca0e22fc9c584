// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What the C++ client costs beside the plain generated stub: `cpp_cost HOST:PORT` prints a line of JSON, see
// tests/conformance/README.md. Times are this process's processor time; calls of both are made in turn.

#include <grpcpp/grpcpp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "client/cpp/client.h"
#include "lossd/v1/loss_service.grpc.pb.h"

namespace lossd::conformance {
namespace {

constexpr size_t kSmall = 4, kLarge = 1 << 20;
constexpr double kLargeMegabytes = 2 * 4 * kLarge / 1e6;  // There and back.

double UsedMicroseconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto microseconds = [](const timeval& time) {
    return 1e6 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec);
  };
  return microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
}

[[noreturn]] void Fail(const std::string& why) {
  std::cerr << why << "\n";
  _exit(1);  // Others may be running.
}

// One call each way, from an array to the gradient's array.
class Calls {
 public:
  Calls(Client& client, v1::LossService::StubInterface& stub, size_t elements)
      : client_(client), stub_(stub), x_(elements, 1.0f), gradient_(elements) {}

  void Ours() {
    client::ComputeRequest request;
    request.loss = client::SquaredNorm{};
    request.inputs = {client::InputTensor::Borrow<float>("x.0", {static_cast<int64_t>(x_.size())}, x_)};
    request.gradient_targets = {{"x.0", absl::MakeSpan(reinterpret_cast<std::byte*>(gradient_.data()), Bytes())}};
    const auto response = client_.Compute(std::move(request));
    if (!response.ok()) Fail(response.status().ToString());
  }

  void Plain() {
    v1::ComputeRequest request;
    request.mutable_loss()->mutable_squared_norm();
    v1::Tensor& input = *request.add_inputs();
    input.set_name("x.0");
    input.set_dtype(v1::DTYPE_FLOAT32);
    input.add_shape(static_cast<int64_t>(x_.size()));
    input.set_data(x_.data(), Bytes());
    v1::ComputeResponse response;
    grpc::ClientContext context;
    const grpc::Status status = stub_.Compute(&context, request, &response);
    if (!status.ok()) Fail(status.error_message());
    std::copy_n(response.gradients(0).data().data(), Bytes(), reinterpret_cast<char*>(gradient_.data()));
  }

 private:
  size_t Bytes() const { return x_.size() * sizeof(float); }

  Client& client_;
  v1::LossService::StubInterface& stub_;
  const std::vector<float> x_;
  std::vector<float> gradient_;
};

struct Cost {
  double ours, plain;  // Microseconds a call.
};

// Medians of `rounds` batches.
Cost Measure(Calls& calls, int rounds, int batch) {
  std::vector<double> ours, plain;
  const auto take = [batch](auto call, std::vector<double>& times) {
    const double begin = UsedMicroseconds();
    for (int i = 0; i < batch; ++i) call();
    times.push_back((UsedMicroseconds() - begin) / batch);
  };
  for (int round = 0; round < rounds; ++round) {
    take([&calls] { calls.Ours(); }, ours);
    take([&calls] { calls.Plain(); }, plain);
  }
  const auto median = [](std::vector<double>& times) {
    std::nth_element(times.begin(), times.begin() + static_cast<ptrdiff_t>(times.size() / 2), times.end());
    return times[times.size() / 2];
  };
  return {median(ours), median(plain)};
}

int Main(const std::string& target) {
  const auto client = Client::Connect(target);
  if (!client.ok()) Fail(client.status().ToString());
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  const auto stub =
      v1::LossService::NewStub(grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments));
  Calls small(**client, *stub, kSmall), large(**client, *stub, kLarge);
  const Cost call = Measure(small, 15, 200);
  const Cost megabyte = Measure(large, 15, 4);
  std::cout << nlohmann::json({{"call_us", call.ours},
                               {"stub_call_us", call.plain},
                               {"mb_us", megabyte.ours / kLargeMegabytes},
                               {"stub_mb_us", megabyte.plain / kLargeMegabytes}})
            << std::endl;
  return 0;
}

}  // namespace
}  // namespace lossd::conformance

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: cpp_cost HOST:PORT\n";
    return 2;
  }
  return lossd::conformance::Main(argv[1]);
}
