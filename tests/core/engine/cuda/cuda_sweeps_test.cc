// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Every sweep on a card against the same sweep on the host.

#include "core/engine/cuda/cuda_sweeps.h"

#include <cuda_runtime_api.h>

#include <vector>

#include "absl/strings/ascii.h"
#include "core/engine/cuda/cuda_cards.h"
#include "core/engine/sweeps/host_sweeps.h"
#include "gtest/gtest.h"
#include "tests/core/engine/sweeps/sweep_cases.h"

namespace lossd {
namespace {

using ::lossd::testing::SweepArrays;
using ::lossd::testing::SweepCase;
using ::lossd::testing::SweepCases;

class CudaSweepsTest : public ::testing::TestWithParam<SweepCase> {
 protected:
  void SetUp() override {
    const auto card = FindCard(0);
    if (!card.ok()) GTEST_SKIP() << "not run on a card: " << card.status().message();
  }

  // The arrays of the case after the sweep has run on them at `base`, through `run`.
  template <typename Run>
  static std::vector<std::byte> Left(std::byte* base, const Run& run) {
    SweepArrays arrays(base);
    const Sweep sweep = GetParam().make(arrays);
    std::vector<std::byte> bytes = arrays.bytes();
    run(sweep, bytes);
    return bytes;
  }
};

TEST_P(CudaSweepsTest, LeavesWhatTheHostLeaves) {
  SweepArrays arrays(nullptr);
  GetParam().make(arrays);
  std::vector<std::byte> region(arrays.bytes().size());
  const std::vector<std::byte> expected = Left(region.data(), [&](const Sweep& sweep, std::vector<std::byte>& bytes) {
    region = bytes;
    HostSweeps().Run(sweep);
    bytes = region;
  });
  void* memory = nullptr;
  ASSERT_EQ(cudaMalloc(&memory, region.size()), cudaSuccess);
  const std::vector<std::byte> got =
      Left(static_cast<std::byte*>(memory), [&](const Sweep& sweep, std::vector<std::byte>& bytes) {
        ASSERT_EQ(cudaMemcpy(memory, bytes.data(), bytes.size(), cudaMemcpyHostToDevice), cudaSuccess);
        CudaSweeps([]() -> cudaStream_t { return nullptr; }).Run(sweep);
        ASSERT_EQ(cudaMemcpy(bytes.data(), memory, bytes.size(), cudaMemcpyDeviceToHost), cudaSuccess);
      });
  EXPECT_EQ(cudaFree(memory), cudaSuccess);
  EXPECT_EQ(arrays.Difference(expected, got), "");
}

INSTANTIATE_TEST_SUITE_P(Every, CudaSweepsTest, ::testing::ValuesIn(SweepCases({1, 7, 255, 257, 1000})),
                         [](const ::testing::TestParamInfo<SweepCase>& one) {
                           std::string name = one.param.name;
                           for (char& letter : name) {
                             if (!absl::ascii_isalnum(static_cast<unsigned char>(letter))) letter = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace lossd
