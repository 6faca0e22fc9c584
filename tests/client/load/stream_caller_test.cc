// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <atomic>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/load/load_fixture.h"

namespace lossd::load {
namespace {

using ::lossd::testing::StatusIs;

class StreamCallerTest : public CallerTest {};

TEST_F(StreamCallerTest, OneStreamCarriesAllCalls) {
  std::atomic<int> streams{0};
  const auto answer = server_.service.on_stream;
  server_.service.on_stream = [&](client::FakeLossService::Stream* stream) {
    ++streams;
    return answer(stream);
  };
  const auto caller = Make(MakeStreamCaller);
  for (int i = 0; i < 5; ++i) EXPECT_OK(Call(*caller).status);
  EXPECT_EQ(streams, 1);
}

TEST_F(StreamCallerTest, AStreamThatEndedIsOpenedAgain) {
  std::atomic<int> streams{0};
  server_.service.on_stream = [&](client::FakeLossService::Stream* stream) {
    v1::ComputeRequest request;
    stream->Read(&request);
    if (++streams == 1) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going away");
    v1::ComputeResponse response;
    client::AnswerSquaredNorm(request, &response);
    stream->Write(response);
    return grpc::Status::OK;
  };
  const auto caller = Make(MakeStreamCaller);
  EXPECT_THAT(Call(*caller).status, StatusIs(absl::StatusCode::kUnavailable, "going away"));
  EXPECT_OK(Call(*caller).status);
  EXPECT_EQ(streams, 2);
}

}  // namespace
}  // namespace lossd::load
