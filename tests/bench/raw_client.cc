// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The client of the serving bench: sends ready-made bytes as unary calls, in a closed loop, and looks at no answer, so
// that as little as possible of what is measured is the client. Prints one line of JSON a level. Exit code 1 if a call
// fails.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"

ABSL_FLAG(std::vector<std::string>, target, {}, "Addresses, among which connections are shared out in turn.");
ABSL_FLAG(std::string, method, "/lossd.v1.LossService/Compute", "What is called.");
ABSL_FLAG(std::vector<std::string>, request, {}, "File with the message; several: each call draws one.");
ABSL_FLAG(uint32_t, seed, 1, "Of those draws.");
ABSL_FLAG(std::vector<std::string>, concurrency, {"1"}, "Calls at any time; a level each.");
ABSL_FLAG(int, connections, 1, "Connections.");
ABSL_FLAG(absl::Duration, duration, absl::Milliseconds(500), "Length of a level.");
ABSL_FLAG(absl::Duration, warmup, absl::Milliseconds(100), "Before it, not counted.");
ABSL_FLAG(absl::Duration, idle, absl::ZeroDuration(), "Between connecting and the first call.");
ABSL_FLAG(int64_t, calls, 0, "A level is so many calls, without warm-up and whatever time they take.");
ABSL_FLAG(int64_t, min_calls, 1, "A level lasts until so many calls have ended, or --max_duration.");
ABSL_FLAG(absl::Duration, max_duration, absl::Seconds(20), "Longest a level lasts.");

namespace lossd {
namespace {

// What a level has measured.
struct Level {
  std::vector<double> latencies;  // Seconds, of calls that ended while it was measured.
  double seconds = 0;
  double first = 0;  // Latency of the very first call, warm-up included.
};

class Client {
 public:
  Client(std::vector<grpc::ByteBuffer> messages, std::string method)
      : messages_(std::move(messages)), method_(std::move(method)), random_(absl::GetFlag(FLAGS_seed)) {}

  bool Connect(const std::vector<std::string>& targets, int connections) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetMaxSendMessageSize(-1);
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // Or all channels to a target would share a connection.
    for (int i = 0; i < connections; ++i) {
      const std::string& target = targets[static_cast<size_t>(i) % targets.size()];
      const auto channel = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
      if (!channel->WaitForConnected(absl::ToChronoTime(absl::Now() + absl::Seconds(10)))) return false;
      stubs_.push_back(std::make_unique<grpc::GenericStub>(channel));
    }
    return true;
  }

  // Runs a level; false, with the reason on stderr, if a call fails.
  bool Run(int concurrency, Level& level) {
    const auto calls = static_cast<size_t>(absl::GetFlag(FLAGS_calls));
    const absl::Time begin = absl::Now() + (calls > 0 ? absl::ZeroDuration() : absl::GetFlag(FLAGS_warmup));
    const absl::Time end = begin + (calls > 0 ? absl::ZeroDuration() : absl::GetFlag(FLAGS_duration));
    const absl::Time latest = calls > 0 ? absl::InfiniteFuture() : begin + absl::GetFlag(FLAGS_max_duration);
    const size_t min_calls = calls > 0 ? calls : static_cast<size_t>(absl::GetFlag(FLAGS_min_calls));
    for (int i = 0; i < concurrency; ++i) Start();
    int outstanding = concurrency;
    bool good = true;
    absl::Time counted_until = begin;
    void* tag = nullptr;
    bool ok = false;
    while (outstanding > 0 && queue_.Next(&tag, &ok)) {
      const std::unique_ptr<Call> call(static_cast<Call*>(tag));
      const absl::Time now = absl::Now();
      const double latency = absl::ToDoubleSeconds(now - call->started);
      if (level.first == 0) level.first = latency;
      if (!call->status.ok() && std::exchange(good, false)) {
        std::cerr << call->status.error_code() << ": " << call->status.error_message() << '\n';
      }
      const bool over = !good || now >= latest || (now >= end && level.latencies.size() >= min_calls);
      if (!over && now >= begin) {
        level.latencies.push_back(latency);
        counted_until = now;
      }
      over ? void(--outstanding) : Start();
    }
    level.seconds = absl::ToDoubleSeconds(counted_until - begin);
    return good;
  }

 private:
  struct Call {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
    grpc::ByteBuffer response;
    grpc::Status status;
    absl::Time started;
  };

  void Start() {
    auto call = std::make_unique<Call>();
    call->started = absl::Now();
    grpc::GenericStub& stub = *stubs_[next_stub_++ % stubs_.size()];
    const grpc::ByteBuffer& message = messages_[random_() % messages_.size()];
    call->reader = stub.PrepareUnaryCall(&call->context, method_, message, &queue_);
    call->reader->StartCall();
    call->reader->Finish(&call->response, &call->status, call.get());
    static_cast<void>(call.release());  // The queue has it.
  }

  const std::vector<grpc::ByteBuffer> messages_;
  const std::string method_;
  std::mt19937 random_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  size_t next_stub_ = 0;
  grpc::CompletionQueue queue_;
};

void Print(const std::string& concurrency, Level& level) {
  std::vector<double>& latencies = level.latencies;
  std::sort(latencies.begin(), latencies.end());
  const auto percentile = [&](double share) {
    if (latencies.empty()) return 0.0;
    return 1000 * latencies[static_cast<size_t>(share * static_cast<double>(latencies.size() - 1))];
  };
  const auto calls = static_cast<double>(latencies.size());
  absl::PrintF(
      "{\"concurrency\": %s, \"calls\": %d, \"calls_per_second\": %.6g, \"p50_ms\": %.6g, \"p99_ms\": %.6g, "
      "\"first_ms\": %.6g}\n",
      concurrency, latencies.size(), level.seconds > 0 ? calls / level.seconds : 0, percentile(0.5), percentile(0.99),
      1000 * level.first);
  std::fflush(stdout);
}

int Run() {
  std::vector<grpc::ByteBuffer> messages;
  for (const std::string& path : absl::GetFlag(FLAGS_request)) {
    std::ifstream file(path, std::ios::binary);
    const grpc::Slice slice(std::string(std::istreambuf_iterator<char>(file), {}));
    if (file) messages.emplace_back(&slice, 1);
  }
  if (messages.empty() || absl::GetFlag(FLAGS_target).empty()) {
    std::cerr << "expected --target and a readable --request\n";
    return 2;
  }
  Client client(std::move(messages), absl::GetFlag(FLAGS_method));
  if (!client.Connect(absl::GetFlag(FLAGS_target), absl::GetFlag(FLAGS_connections))) {
    std::cerr << "no connection\n";
    return 1;
  }
  absl::SleepFor(absl::GetFlag(FLAGS_idle));
  for (const std::string& concurrency : absl::GetFlag(FLAGS_concurrency)) {
    Level level;
    if (!client.Run(std::max(1, std::atoi(concurrency.c_str())), level)) return 1;
    Print(concurrency, level);
  }
  return 0;
}

}  // namespace
}  // namespace lossd

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("sends the same bytes again and again; see the head of raw_client.cc");
  absl::ParseCommandLine(argc, argv);
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // What it costs is not of interest here.
  return lossd::Run();
}
