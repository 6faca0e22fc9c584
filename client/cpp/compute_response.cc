// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/compute_response.h"

namespace lossd::client {
namespace {

const ResultTensor* Find(const std::vector<ResultTensor>& tensors, absl::string_view name) {
  for (const ResultTensor& tensor : tensors) {
    if (tensor.spec().name == name) return &tensor;
  }
  return nullptr;
}

}  // namespace

const ResultTensor* ComputeResponse::output(absl::string_view name) const { return Find(outputs, name); }
const ResultTensor* ComputeResponse::gradient(absl::string_view name) const { return Find(gradients, name); }

}  // namespace lossd::client
