// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What streams hold of the budget of bytes.

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/running_server.h"

namespace lossd::testing {
namespace {

// Whether no bytes are in flight before long.
bool BecomesEmpty(const RunningServer& server) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (server.Metric("lossd_inflight_bytes") != 0) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

// A stream of which one message at a time is on its way.
class Dialogue {
 public:
  explicit Dialogue(RunningServer& server) : stream_(server.stub().ComputeStream(&context_)) {}

  // The code of the answer; -1: the stream has ended.
  int Ask(const v1::ComputeRequest& request) {
    v1::ComputeResponse response;
    return stream_->Write(request) && stream_->Read(&response) ? response.status().code() : -1;
  }
  grpc::Status End() {
    stream_->WritesDone();
    return stream_->Finish();
  }

 private:
  grpc::ClientContext context_;
  const std::unique_ptr<grpc::ClientReaderWriter<v1::ComputeRequest, v1::ComputeResponse>> stream_;
};

// What the next message will need is foreseen; an idle stream must not keep that from others. All share a connection.
TEST(StreamBudgetTest, IdleStreamHoldsNothingWhateverItHasSent) {
  ServerOptions options = TestOptions();
  options.max_message_bytes = 8 << 20;
  options.max_inflight_bytes = 16 << 20;
  RunningServer server(options);
  const v1::ComputeRequest large = MakeRequest(std::vector<float>(1 << 20));
  std::vector<std::unique_ptr<Dialogue>> streams;
  for (int i = 0; i < 4; ++i) {
    streams.push_back(std::make_unique<Dialogue>(server));
    EXPECT_EQ(streams.back()->Ask(large), 0) << i;
    EXPECT_TRUE(BecomesEmpty(server)) << i;
  }
  for (const auto& stream : streams) {
    EXPECT_EQ(stream->Ask(large), 0);
    EXPECT_TRUE(stream->End().ok());
  }
}

}  // namespace
}  // namespace lossd::testing
