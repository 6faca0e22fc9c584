// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Asks a server for SimCLR's loss of two views: `remote HOST:PORT`.

#include <cstdio>
#include <memory>
#include <utility>

#include "client/cpp/client.h"
#include "views.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const absl::StatusOr<std::unique_ptr<lossd::Client>> client = lossd::Client::Connect(argv[1]);
  if (!client.ok()) {
    std::fprintf(stderr, "%s\n", client.status().ToString().c_str());
    return 1;
  }
  const std::vector<float> out_1 = MakeView(1), out_2 = MakeView(2);
  lossd::client::ComputeRequest request;
  request.loss = lossd::client::NtXent{.temperature = 0.5};
  request.inputs = {lossd::client::InputTensor::Borrow<float>("out_1", {kRows, kColumns}, out_1),
                    lossd::client::InputTensor::Borrow<float>("out_2", {kRows, kColumns}, out_2)};
  const absl::StatusOr<lossd::client::ComputeResponse> response = (*client)->Compute(std::move(request));
  if (!response.ok()) {
    std::fprintf(stderr, "%s\n", response.status().ToString().c_str());
    return 1;
  }
  const auto gradient = response->gradient("out_1")->elements<float>();
  Print(response->objective, {gradient.data(), gradient.size()});
  return 0;
}
