// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Speaks random HTTP/2 to the ports of the real binary: http2_fuzz SECONDS [SEED [BATCH]]. After each batch of
// connections the server must live and answer good calls. A seed and a batch repeat what failed.

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpc/health/v1/health.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "lossd/v1/loss_service.grpc.pb.h"
#include "tests/support/http2/byte_stream.h"
#include "tests/support/http2/random_traffic.h"
#include "tests/support/raw_call.h"
#include "tests/support/server_process.h"

namespace lossd::testing {
namespace {

constexpr int kConnections = 40;                         // Of a batch.
constexpr absl::Duration kPatience = absl::Seconds(60);  // With a good call; a sanitizer makes all of it slow.

v1::ComputeRequest NormOf(int64_t elements) {
  v1::ComputeRequest request;
  request.mutable_loss()->mutable_squared_norm();
  v1::Tensor* const input = request.add_inputs();
  input->set_name("x.0");
  input->set_dtype(v1::DTYPE_FLOAT32);
  input->add_shape(elements);
  input->set_data(std::string(static_cast<size_t>(elements) * 4, '\1'));
  return request;
}

// Good messages of all methods, from which damaged ones are made.
std::vector<std::string> GoodMessages() {
  grpc::health::v1::HealthCheckRequest check;
  check.set_service("lossd.v1.LossService");
  grpc::reflection::v1::ServerReflectionRequest list, symbol;
  list.set_list_services("*");
  symbol.set_file_containing_symbol("lossd.v1.LossService");
  v1::ComputeRequest contrast;
  contrast.mutable_loss()->mutable_nt_xent();
  for (const char* name : {"out_1", "out_2"}) {
    *contrast.add_inputs() = NormOf(12).inputs(0);
    contrast.mutable_inputs()->rbegin()->set_name(name);
    contrast.mutable_inputs()->rbegin()->clear_shape();
    for (const int64_t extent : {3, 4}) contrast.mutable_inputs()->rbegin()->add_shape(extent);
  }
  return {check.SerializeAsString(),
          list.SerializeAsString(),
          symbol.SerializeAsString(),
          NormOf(5).SerializeAsString(),
          NormOf(3'000).SerializeAsString(),
          contrast.SerializeAsString(),
          ""};
}

class Fuzzer {
 public:
  Fuzzer(ServerProcess& server, uint64_t seed)
      : server_(server),
        seed_(seed),
        stub_(v1::LossService::NewStub(Channel(server.address()))),
        admin_(Channel(server.admin_address())) {}

  // Whether the server lives and serves after it.
  bool RunBatch(uint64_t batch) {
    RandomTraffic traffic(seed_ * 1'000'003 + batch, GoodMessages());
    std::vector<std::unique_ptr<ByteStream>> connections;
    for (int i = 0; i < kConnections; ++i) {
      const std::string bytes = traffic.Connection();
      auto connection = ByteStream::Open(i % 4 == 3 ? server_.admin_address() : server_.address(), {});
      if (!connection.ok()) continue;
      Exchange(**connection, bytes);
      connections.push_back(*std::move(connection));
      bytes_ += bytes.size();
      if (i % 8 == 7) connections.clear();  // Others stay open beside those that follow.
    }
    return IsServing();
  }

  uint64_t bytes() const { return bytes_; }

 private:
  static std::shared_ptr<grpc::Channel> Channel(const std::string& address) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  }

  // Sends as much as the server takes and reads what it says, without waiting long for either.
  static void Exchange(ByteStream& connection, absl::string_view bytes) {
    char answer[65536];
    for (int idle = 0; idle < 2;) {
      const auto written = connection.Write(bytes);
      const auto read = connection.Read(answer, sizeof(answer));
      if (!written.has_value() || !read.has_value()) return;
      bytes.remove_prefix(*written);
      if (*written > 0 || *read > 0) continue;
      pollfd socket = {connection.descriptor(), static_cast<short>(bytes.empty() ? POLLIN : POLLIN | POLLOUT), 0};
      if (poll(&socket, 1, 3) == 0) ++idle;
    }
  }

  bool IsServing() {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kPatience));
    v1::ComputeResponse response;
    const grpc::Status status = stub_->Compute(&context, NormOf(5), &response);
    RawCall check(admin_, "/grpc.health.v1.Health/Check", false,
                  std::chrono::milliseconds(absl::ToInt64Milliseconds(kPatience)));
    check.Write(std::string());
    check.HalfClose();
    const grpc::Status health = check.End();
    if (status.ok() && health.ok()) return true;
    std::fprintf(stderr, "a good call failed: Compute %d %s, Check %d %s\n", status.error_code(),
                 status.error_message().c_str(), health.error_code(), health.error_message().c_str());
    return false;
  }

  ServerProcess& server_;
  const uint64_t seed_;
  const std::unique_ptr<v1::LossService::Stub> stub_;
  const std::shared_ptr<grpc::Channel> admin_;
  uint64_t bytes_ = 0;
};

double PeakMegabytes(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/status"));
  double kilobytes = 0;
  for (std::string word; file >> word;) {
    if (word == "VmHWM:" && file >> kilobytes) return kilobytes * 1.024e-3;
  }
  return 0;
}

int Main(double seconds, uint64_t seed, std::optional<uint64_t> only) {
  auto server = ServerProcess::Start({"--threads=1", "--log_level=error", "--transfer_timeout=2s",
                                      "--max_message_bytes=4194304", "--max_inflight_bytes=67108864"});
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.status().ToString().c_str());
    return 1;
  }
  std::printf("http2_fuzz: seed %lu\n", seed);
  std::fflush(stdout);
  Fuzzer fuzzer(**server, seed);
  const absl::Time end = absl::Now() + absl::Seconds(seconds);
  uint64_t batch = only.value_or(0);
  bool well = true;
  do {
    well = fuzzer.RunBatch(batch++);
  } while (well && !only.has_value() && absl::Now() < end);
  const double peak = PeakMegabytes((*server)->process().pid());
  const int code = (*server)->Stop();
  if (well && code == 0) {
    std::printf("http2_fuzz: %lu batches, %.1f MB sent, the server lives; %.0f MB resident at its peak\n", batch,
                static_cast<double>(fuzzer.bytes()) / 1e6, peak);
    return 0;
  }
  std::fprintf(stderr, "%s\nhttp2_fuzz: the server ended with %d; repeat with: http2_fuzz 0 %lu %lu\n",
               (*server)->process().Errors().c_str(), code, seed, batch - 1);
  return 1;
}

}  // namespace
}  // namespace lossd::testing

int main(int argc, char** argv) {
  double seconds = 0;
  uint64_t seed = std::random_device()(), batch = 0;
  if (argc < 2 || argc > 4 || !absl::SimpleAtod(argv[1], &seconds) || (argc > 2 && !absl::SimpleAtoi(argv[2], &seed)) ||
      (argc > 3 && !absl::SimpleAtoi(argv[3], &batch))) {
    std::fprintf(stderr, "usage: http2_fuzz SECONDS [SEED [BATCH]]\n");
    return 2;
  }
  return lossd::testing::Main(seconds, seed, argc > 3 ? std::optional(batch) : std::nullopt);
}
