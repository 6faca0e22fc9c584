// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Clients of a FakeServer and what they ask it for.

#ifndef LOSSD_TESTS_CLIENT_CPP_SQUARED_NORM_CALLS_H_
#define LOSSD_TESTS_CLIENT_CPP_SQUARED_NORM_CALLS_H_

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/cpp/client.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::client {

inline ClientOptions FastRetries() {
  ClientOptions options;
  options.initial_backoff = absl::Milliseconds(1);
  options.max_backoff = absl::Milliseconds(10);
  return options;
}

inline ComputeRequest SquaredNormOf(const std::vector<float>& x) {
  ComputeRequest request;
  request.loss = SquaredNorm{};
  request.inputs = {InputTensor::Borrow<float>("x.0", {static_cast<int64_t>(x.size())}, x)};
  return request;
}

// With inputs that the request owns.
inline ComputeRequest SquaredNormOf(std::initializer_list<float> x) {
  const auto owner = std::make_shared<const std::vector<float>>(x);
  ComputeRequest request = SquaredNormOf(*owner);
  request.inputs[0].owner = owner;
  return request;
}

inline std::unique_ptr<Client> ConnectOrDie(const std::string& target, ClientOptions options = FastRetries()) {
  auto client = Client::Connect(target, std::move(options));
  EXPECT_OK(client);
  return *std::move(client);
}

}  // namespace lossd::client

#endif  // LOSSD_TESTS_CLIENT_CPP_SQUARED_NORM_CALLS_H_
