// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>
#include <random>
#include <variant>
#include <vector>

#include "client/cli/golden/task_checks.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/golden/fake_client.h"

namespace lossd::cli {
namespace {

using ::testing::HasSubstr;

// Draws as the reference does, by its stated rules.
client::ComputeResponse Draw(const client::ComputeRequest& request) {
  const auto& seed = std::get<client::Seed>(std::get<client::FeatureMapContrastive>(request.loss).sampling);
  std::mt19937 torch_words(static_cast<uint32_t>(*seed.torch_seed)),
      numpy_words(static_cast<uint32_t>(*seed.numpy_seed));
  torch_words.discard(seed.torch_skip);
  numpy_words.discard(seed.numpy_skip);
  const Shape& shape = request.inputs[0].spec.shape;
  std::vector<int32_t> positions;
  for (int64_t b = 0; b < shape[0]; ++b) {
    positions.push_back(static_cast<int32_t>(torch_words() % static_cast<uint64_t>(shape[3])));
  }
  const auto maps = static_cast<uint32_t>(request.inputs.size() / 2);
  uint32_t mask = 0, map = 0;
  while (mask < maps - 1) mask = mask << 1 | 1;
  if (maps > 1) {
    do {
      map = static_cast<uint32_t>(numpy_words()) & mask;
    } while (map >= maps);
  }
  client::ComputeResponse response;
  response.outputs.push_back(MakeIntegers("comparisons", {0, static_cast<int32_t>(map)}));
  response.outputs.push_back(MakeIntegers("positions", positions));
  return response;
}

TEST(CheckRandomStreamsTest, PassesTheReferencesStreams) {
  FakeClient client(Draw);
  const Verdict verdict = CheckRandomStreams(StoredCase("rng_protocol"), client);
  EXPECT_EQ(verdict.outcome, Outcome::kPassed) << verdict.detail;
}

TEST(CheckRandomStreamsTest, FailsOnSkippedWordsThatAreNotSkipped) {
  FakeClient client([](client::ComputeRequest request) {
    auto& seed = std::get<client::Seed>(std::get<client::FeatureMapContrastive>(request.loss).sampling);
    seed.torch_skip = 0;
    return Draw(request);
  });
  const Verdict verdict = CheckRandomStreams(StoredCase("rng_protocol"), client);
  EXPECT_EQ(verdict.outcome, Outcome::kFailed);
  EXPECT_THAT(verdict.detail, HasSubstr("torch.randint of seed 0"));
}

TEST(CheckRandomStreamsTest, FailsOnAnotherNumpyStream) {
  FakeClient client([](client::ComputeRequest request) {
    auto& seed = std::get<client::Seed>(std::get<client::FeatureMapContrastive>(request.loss).sampling);
    seed.numpy_skip += 1;
    return Draw(request);
  });
  EXPECT_THAT(CheckRandomStreams(StoredCase("rng_protocol"), client).detail, HasSubstr("numpy randint of seed"));
}

}  // namespace
}  // namespace lossd::cli
