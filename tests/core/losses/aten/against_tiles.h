// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Compares the losses that compute with ATen with those that compute in tiles.

#ifndef LOSSD_TESTS_CORE_LOSSES_ATEN_AGAINST_TILES_H_
#define LOSSD_TESTS_CORE_LOSSES_ATEN_AGAINST_TILES_H_

#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/batch_runner.h"
#include "core/loss_backend.h"
#include "core/losses/registry.h"
#include "tests/support/random_requests.h"

namespace lossd::testing {

// The losses on "aten-cpu".
const LossRegistry& AtenLosses();

// Plans `requests`, equal in batch key, and runs them as one batch.
BatchResults Compute(const LossRegistry& losses, const std::vector<RandomRequest>& requests, BufferPool& pool);

// Computes `request` both ways and expects equal names, shapes and dtypes, and values that agree as losses.md demands
// of two careful computations. Returns the worst error as a share of what is allowed.
double ExpectAgreesWithTiles(const RandomRequest& request, BufferPool& pool);

// Expects that each of `requests`, equal in batch key, has the same bytes alone and in one batch with the others.
void ExpectEqualBytesAloneAndBatched(const std::vector<RandomRequest>& requests, BufferPool& pool);

// A request of the same batch key as `request`, with other values and other numbers in its configuration.
RandomRequest Redrawn(const RandomRequest& request, std::mt19937& random, BufferPool& pool);

// A request with float32 inputs of these names and shapes, normally distributed; INT64 ones are labels.
RandomRequest MakeRequest(LossConfig loss, std::vector<TensorSpec> inputs, std::mt19937& random, BufferPool& pool);

// Draws `count` requests of the loss that `Config` configures.
template <typename Config>
std::vector<RandomRequest> DrawRequestsOf(int count, std::mt19937& random, BufferPool& pool) {
  std::vector<RandomRequest> requests;
  for (int i = 0; i < count; ++i) requests.push_back(DrawRequestOf(LossConfig(Config()).index(), random, pool));
  return requests;
}

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_LOSSES_ATEN_AGAINST_TILES_H_
