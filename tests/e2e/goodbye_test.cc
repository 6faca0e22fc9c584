// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How a real server takes leave: connections are told to go before they end, accepted calls are answered, and all
// others end UNAVAILABLE, which clients may retry.

#include <poll.h>
#include <signal.h>

#include <atomic>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "tests/e2e/watched_server.h"
#include "tests/support/http2/byte_stream.h"
#include "tests/support/http2/frames.h"
#include "tests/support/http2/header_block.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

// A connection that looks at every frame. Reading waits.
class Wire {
 public:
  explicit Wire(const std::string& address) : stream_(*ByteStream::Open(address, {})) {
    Send(ConnectionPreface() + ToBytes({kSettingsFrame, kAck, 0, ""}));
  }

  void Send(absl::string_view bytes) {
    while (!bytes.empty()) {
      const auto written = stream_->Write(bytes);
      if (!written.has_value()) return;
      bytes.remove_prefix(*written);
      if (*written == 0) Wait(POLLOUT);
    }
  }

  // The next frame; nullopt once the server has closed the connection.
  std::optional<Frame> Next() {
    char chunk[16384];
    while (true) {
      if (auto frame = reader_.Next()) return frame;
      const auto read = stream_->Read(chunk, sizeof(chunk));
      if (!read.has_value()) return std::nullopt;
      reader_.Append({chunk, *read});
      if (*read == 0) Wait(POLLIN);
    }
  }
  // The next one of a type.
  std::optional<Frame> Next(FrameType type) {
    auto frame = Next();
    while (frame.has_value() && frame->type != type) frame = Next();
    return frame;
  }

 private:
  void Wait(short events) const {
    pollfd socket = {stream_->descriptor(), events, 0};
    poll(&socket, 1, -1);
  }

  const std::unique_ptr<ByteStream> stream_;
  FrameReader reader_;
};

uint64_t ErrorOf(const Frame& goaway) { return FromBigEndian(absl::string_view(goaway.content).substr(4, 4)); }

TEST(GoodbyeTest, AnIdleConnectionIsToldToGoBeforeItEnds) {
  WatchedServer server({"--threads=1"});
  Wire serving(server.address()), admin(server.admin_address());
  for (Wire* const wire : {&serving, &admin}) {
    wire->Send(ToBytes({kPingFrame, 0, 0, "are you?"}));
    ASSERT_TRUE(wire->Next(kPingFrame).has_value());
  }
  server.process().process().Signal(SIGTERM);
  for (Wire* const wire : {&serving, &admin}) {
    const auto goaway = wire->Next(kGoawayFrame);
    ASSERT_TRUE(goaway.has_value()) << "The connection ended without.";
    EXPECT_EQ(ErrorOf(*goaway), 0u);
    while (wire->Next().has_value()) {
    }
  }
  EXPECT_EQ(server.process().process().Wait(), 0);
}

TEST(GoodbyeTest, AnAcceptedCallIsAnsweredAndTheConnectionToldToGo) {
  WatchedServer server({"--threads=1", "--max_queue_delay=1h"});
  Wire wire(server.address());
  const std::string message = ContrastRequest(8, 8).SerializeAsString();
  wire.Send(HeadersOf(1, {}) + DataOf(1, MessagePrefix(static_cast<uint32_t>(message.size())) + message, true));
  server.AwaitMetric("lossd_queue_requests", 1);
  server.process().process().Signal(SIGTERM);
  bool told = false, answered = false;
  HeaderDecoder decoder;
  while (const auto frame = wire.Next()) {
    told |= frame->type == kGoawayFrame && ErrorOf(*frame) == 0;
    if (frame->type != kHeadersFrame) continue;
    const auto headers = decoder.Decode(frame->content);
    ASSERT_TRUE(headers.has_value());
    for (const auto& [name, value] : *headers) answered |= name == "grpc-status" && value == "0";
  }
  EXPECT_TRUE(answered);
  EXPECT_TRUE(told);
  EXPECT_EQ(server.process().process().Wait(), 0);
}

// Clients that never retry, with calls that race a stop; counts how they end.
class RacingCallers {
 public:
  RacingCallers(const std::string& address, bool streams) : address_(address), streams_(streams) {
    for (int i = 0; i < kCallers; ++i) threads_.emplace_back([this] { CallUntilTheEnd(); });
  }
  ~RacingCallers() {
    for (std::thread& thread : threads_) thread.join();
  }

  // Or until no caller is left.
  void AwaitAnswers(int64_t answers) {
    absl::MutexLock lock(&mu_);
    const auto reached = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return ended_[grpc::StatusCode::OK] >= answers || errors_ == kCallers;
    };
    mu_.Await(absl::Condition(&reached));
  }
  // Waits for every caller's first error; calls by status.
  std::map<int, int64_t> Join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    absl::MutexLock lock(&mu_);
    return ended_;
  }

 private:
  static constexpr int kCallers = 8;

  void CallUntilTheEnd() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto stub =
        v1::LossService::NewStub(grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments));
    while (Note(streams_ ? CallStream(*stub) : Call(*stub))) {
    }
  }
  bool Note(const grpc::Status& status) {
    absl::MutexLock lock(&mu_);
    ++ended_[status.error_code()];
    errors_ += status.ok() ? 0 : 1;
    if (!status.ok() && status.error_code() != grpc::StatusCode::UNAVAILABLE) {
      std::cout << absl::StrFormat("ended %d: %s\n", status.error_code(), status.error_message());
    }
    return status.ok();
  }
  grpc::Status Call(v1::LossService::Stub& stub) const {
    grpc::ClientContext context;
    v1::ComputeResponse response;
    return stub.Compute(&context, request_, &response);
  }
  // One message a stream, so that calls begin at every moment.
  grpc::Status CallStream(v1::LossService::Stub& stub) const {
    grpc::ClientContext context;
    v1::ComputeResponse response;
    const auto stream = stub.ComputeStream(&context);
    stream->Write(request_);
    stream->WritesDone();
    std::optional<grpc::Status> in_band;
    while (stream->Read(&response)) {
      if (response.has_status()) {
        in_band.emplace(static_cast<grpc::StatusCode>(response.status().code()), response.status().message());
      }
    }
    const grpc::Status status = stream->Finish();
    return status.ok() && in_band.has_value() ? *in_band : status;
  }

  const std::string address_;
  const bool streams_;
  const v1::ComputeRequest request_ = ContrastRequest(16, 16);
  absl::Mutex mu_;
  std::map<int, int64_t> ended_ ABSL_GUARDED_BY(mu_);
  int errors_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::thread> threads_;
};

class RacingCallsTest : public ::testing::TestWithParam<bool> {};

TEST_P(RacingCallsTest, AreAnsweredOrEndUnavailable) {
  for (int round = 0; round < 5; ++round) {
    WatchedServer server({"--threads=1", "--log_level=warning"});
    RacingCallers callers(server.address(), /*streams=*/GetParam());
    callers.AwaitAnswers(200);
    EXPECT_EQ(server.process().Stop(), 0);
    std::map<int, int64_t> ended = callers.Join();
    EXPECT_GE(ended[grpc::StatusCode::OK], 200);
    ended.erase(grpc::StatusCode::OK);
    ended.erase(grpc::StatusCode::UNAVAILABLE);
    EXPECT_THAT(ended, ::testing::IsEmpty());
  }
}

std::string KindName(const ::testing::TestParamInfo<bool>& info) { return info.param ? "Streams" : "Unary"; }

INSTANTIATE_TEST_SUITE_P(All, RacingCallsTest, ::testing::Bool(), KindName);

}  // namespace
}  // namespace lossd::testing
