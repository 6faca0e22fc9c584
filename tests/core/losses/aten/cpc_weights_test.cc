// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Parameters by way of the loss that runs with them: sent or from a seed, it is the same.

#include "core/losses/aten/cpc_weights.h"

#include <cstring>
#include <random>

#include "gtest/gtest.h"
#include "tests/core/losses/aten/against_tiles.h"
#include "tests/support/status_matchers.h"

namespace lossd::aten {
namespace {

using ::lossd::testing::Compute;
using ::lossd::testing::ExpectAgreesWithTiles;
using ::lossd::testing::ExpectEqualBytesAloneAndBatched;
using ::lossd::testing::MakeRequest;
using ::lossd::testing::RandomRequest;
using ::lossd::testing::Redrawn;

constexpr int64_t kChannels = 4;
constexpr int64_t kDim = 6;

class CpcWeightsTest : public ::testing::Test {
 protected:
  RandomRequest Seeded() {
    return MakeRequest(CpcConfig{.target_dim = kDim, .init_seed = 3}, {{"z", {}, {2, kChannels, 4, 5}}}, random_,
                       pool_);
  }

  // `seeded` with the parameters of its seed sent along.
  RandomRequest Sent(const RandomRequest& seeded) {
    RandomRequest sent = seeded;
    sent.spec.loss = CpcConfig{};
    const auto values = DrawCpcParameters(3, kChannels, kDim);
    const std::vector<TensorSpec> specs = CpcParameterSpecs(kChannels, kDim, DType::kFloat32);
    for (size_t p = 0; p < kCpcParameters; ++p) {
      sent.spec.inputs.push_back(specs[p]);
      const auto bytes = static_cast<size_t>(ByteSize(specs[p]));
      sent.inputs.emplace_back(specs[p], pool_.Allocate(bytes));
      std::memcpy(sent.inputs.back().bytes(), values[p].data(), bytes);
    }
    return sent;
  }

  BufferPool pool_{size_t{1} << 28};
  std::mt19937 random_{8};
};

TEST_F(CpcWeightsTest, SentParametersGiveTheBytesOfTheirSeed) {
  RandomRequest seeded = Seeded();
  seeded.spec.gradients.mode = GradientSelection::Mode::kNamed;
  seeded.spec.gradients.names = {"z", "parameters.*"};
  const RandomRequest sent = Sent(seeded);
  const auto by_seed = Compute(lossd::testing::AtenLosses(), {seeded}, pool_);
  const auto by_sent = Compute(lossd::testing::AtenLosses(), {sent}, pool_);
  ASSERT_OK(by_seed[0]);
  ASSERT_OK(by_sent[0]);
  EXPECT_EQ(by_seed[0]->objective, by_sent[0]->objective);
  ASSERT_EQ(by_seed[0]->gradients.size(), 1 + kCpcParameters);
  ASSERT_EQ(by_sent[0]->gradients.size(), 1 + kCpcParameters);
  for (size_t i = 0; i < by_seed[0]->gradients.size(); ++i) {
    const Tensor& a = by_seed[0]->gradients[i];
    const Tensor& b = by_sent[0]->gradients[i];
    ASSERT_EQ(a.spec(), b.spec());
    EXPECT_EQ(std::memcmp(a.bytes(), b.bytes(), static_cast<size_t>(a.byte_size())), 0) << a.spec().name;
  }
}

// Memory of the pool holds what others left there.
TEST_F(CpcWeightsTest, EachGradientIsWrittenWhereItAloneIsWanted) {
  RandomRequest request = Seeded();
  request.spec.gradients.mode = GradientSelection::Mode::kNamed;
  for (const TensorSpec& spec : CpcParameterSpecs(kChannels, kDim, DType::kFloat32)) {
    std::vector<Buffer> used;
    for (int i = 0; i < 4; ++i) {
      used.push_back(pool_.Allocate(static_cast<size_t>(ByteSize(spec))));
      std::memset(used.back().data(), 0x42, used.back().capacity());
    }
    used.clear();
    request.spec.gradients.names = {spec.name};
    EXPECT_LE(ExpectAgreesWithTiles(request, pool_), 1) << spec.name;
  }
}

TEST_F(CpcWeightsTest, ParametersInOtherOrdersDoNotMeet) {
  const RandomRequest first = Sent(Seeded());
  RandomRequest second = first;
  std::swap(second.spec.inputs[1], second.spec.inputs[3]);
  std::swap(second.inputs[1], second.inputs[3]);
  const auto key = [](const RandomRequest& request) {
    return (*lossd::testing::AtenLosses().For(request.spec.loss).Prepare(request.spec))->batch_key;
  };
  EXPECT_NE(key(first), key(second));
  EXPECT_LE(ExpectAgreesWithTiles(second, pool_), 1);
}

TEST_F(CpcWeightsTest, GroupsWithParametersOfTheirOwnDoNotMeet) {
  const RandomRequest first = Sent(Seeded());
  const RandomRequest second = Redrawn(first, random_, pool_);
  EXPECT_LE(ExpectAgreesWithTiles(first, pool_), 1);
  ExpectEqualBytesAloneAndBatched({first, second, first}, pool_);
}

// The bound on memory holds for the first request of a seed as well.
TEST_F(CpcWeightsTest, PlansWhatTheFirstDrawOfASeedTakes) {
  const RandomRequest seeded = Seeded();
  const RandomRequest sent = Sent(seeded);
  const auto bytes_of = [](const ComputeSpec& request) {
    return testing::AtenLosses().For(request.loss).Prepare(request).value()->workspace_bytes;
  };
  int64_t drawn = 0;
  for (const TensorSpec& spec : CpcParameterSpecs(kChannels, kDim, DType::kFloat32)) drawn += ByteSize(spec);
  EXPECT_GE(bytes_of(seeded.spec), bytes_of(sent.spec) + drawn);
  EXPECT_LE(bytes_of(seeded.spec), bytes_of(sent.spec) + 2 * drawn);
}

}  // namespace
}  // namespace lossd::aten
