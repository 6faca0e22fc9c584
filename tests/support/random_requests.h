// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Random valid requests of all losses, for tests that want many.

#ifndef LOSSD_TESTS_SUPPORT_RANDOM_REQUESTS_H_
#define LOSSD_TESTS_SUPPORT_RANDOM_REQUESTS_H_

#include <cstddef>
#include <random>
#include <vector>

#include "core/loss_backend.h"
#include "core/losses/loss_config.h"
#include "core/tensor/tensor.h"

namespace lossd::testing {

// A request and its inputs, in storage dtype.
struct RandomRequest {
  ComputeSpec spec;
  std::vector<Tensor> inputs;
};

// Draws a request: any loss, small shapes (up to some thousand elements), dtypes, gradient selections. Sampling is
// explicit or seeded, so that equal requests have equal answers. Inputs come from `pool`.
RandomRequest DrawRequest(std::mt19937& random, BufferPool& pool);
// The same of loss `loss` < kLossCount.
RandomRequest DrawRequestOf(size_t loss, std::mt19937& random, BufferPool& pool);

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_RANDOM_REQUESTS_H_
