// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/aten_operators.h"

#include <random>

#include "core/losses/registry.h"
#include "gtest/gtest.h"
#include "tests/core/losses/aten/against_tiles.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

// Values against the tiles': aten_losses_test and aten_options_test. Here: what a run does beside them.
TEST(AtenOperatorsTest, PlansTheMemoryOfTheType) {
  const auto bytes_of = [](DType dtype) {
    ComputeSpec request;
    request.loss = InfoNceConfig{};
    request.inputs = {{"query", dtype, {64, 20}}, {"key", dtype, {64, 20}}};
    return AtenLosses().For(request.loss).Prepare(request).value()->workspace_bytes;
  };
  EXPECT_GT(bytes_of(DType::kFloat32), 2 * 64 * 20 * 4);
  EXPECT_GE(bytes_of(DType::kFloat64), bytes_of(DType::kFloat32));
}

TEST(AtenOperatorsTest, RowsOfAnySizeWithScoresOfOrdinarySizeAreComputed) {
  BufferPool pool(size_t{1} << 20);
  std::mt19937 random(3);
  RandomRequest request =
      MakeRequest(NtXentConfig{.temperature = 1e40}, {{"out_1", {}, {5, 4}}, {"out_2", {}, {5, 4}}}, random, pool);
  for (const Tensor& input : request.inputs) {
    for (float& value : input.elements<float>()) value *= 1e20f;
  }
  const auto result = std::move(Compute(AtenLosses(), {request}, pool)[0]);
  ASSERT_OK(result);
  EXPECT_TRUE(std::isfinite(result->objective));
  EXPECT_LE(ExpectAgreesWithTiles(request, pool), 1);
}

}  // namespace
}  // namespace lossd::testing
