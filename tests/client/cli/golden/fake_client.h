// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A client without a server, for checks of golden cases.

#ifndef LOSSD_TESTS_CLIENT_CLI_GOLDEN_FAKE_CLIENT_H_
#define LOSSD_TESTS_CLIENT_CLI_GOLDEN_FAKE_CLIENT_H_

#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/golden/golden_case.h"
#include "client/cpp/client.h"
#include "gtest/gtest.h"

namespace lossd::cli {

// Answers each request as the test says. Not thread-safe.
class FakeClient : public Client {
 public:
  using Handler = std::function<absl::StatusOr<client::ComputeResponse>(const client::ComputeRequest&)>;
  explicit FakeClient(Handler handler) : handler_(std::move(handler)) {}

  absl::StatusOr<client::ComputeResponse> Compute(client::ComputeRequest request) override {
    requests.push_back(request);
    return handler_(request);
  }
  client::CallHandle ComputeAsync(client::ComputeRequest, client::ComputeCallback) override {
    return client::CallHandle({});
  }
  std::unique_ptr<client::ComputeStream> OpenStream() override { return nullptr; }
  absl::StatusOr<client::ServerInfo> GetServerInfo() override { return client::ServerInfo(); }
  int64_t max_message_bytes() const override { return client::kDefaultMaxMessageBytes; }

  std::vector<client::ComputeRequest> requests;

 private:
  const Handler handler_;
};

inline GoldenCase StoredCase(const std::string& name) {
  auto golden = LoadGoldenCase(std::string(std::getenv("LOSSD_SOURCE_DIR")) + "/tests/golden/" + name);
  EXPECT_TRUE(golden.ok()) << golden.status();
  return *std::move(golden);
}

inline client::ResultTensor MakeResult(TensorSpec spec, const void* elements) {
  BufferPool pool(0);
  const size_t bytes = static_cast<size_t>(ByteSize(spec));
  Buffer buffer = pool.Allocate(bytes);
  if (bytes > 0) std::memcpy(buffer.data(), elements, bytes);
  return client::ResultTensor(std::move(spec), std::move(buffer));
}

inline client::ResultTensor MakeIntegers(const std::string& name, const std::vector<int32_t>& values) {
  return MakeResult({name, DType::kInt32, {static_cast<int64_t>(values.size())}}, values.data());
}

// The tensor that a case stores in `file`, as an answer's tensor `name`.
inline client::ResultTensor StoredResult(const GoldenCase& golden, const std::string& file, const std::string& name) {
  const auto tensor = golden.Load(file, name);
  EXPECT_TRUE(tensor.ok()) << tensor.status();
  return MakeResult(tensor->spec(), tensor->bytes());
}

}  // namespace lossd::cli

#endif  // LOSSD_TESTS_CLIENT_CLI_GOLDEN_FAKE_CLIENT_H_
