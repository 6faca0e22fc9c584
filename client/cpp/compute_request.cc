// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/compute_request.h"

namespace lossd::client {

InputTensor InputTensor::Share(const Tensor& tensor) {
  // A copy of the handle keeps the elements alive.
  auto owner = std::make_shared<const Tensor>(tensor);
  return {tensor.spec(), {tensor.bytes(), static_cast<size_t>(tensor.byte_size())}, std::move(owner)};
}

}  // namespace lossd::client
