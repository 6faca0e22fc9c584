// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The door of liblossd_cuda.so, in a process that links neither LibTorch nor CUDA.

#include "core/losses/aten/aten_module.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/losses/aten/module_door.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::MakeLosses;
using ::lossd::testing::StatusIs;

TEST(CudaModuleTest, LoadsAndSaysWhichOfDriverAndCardIsMissing) {
  EXPECT_THAT(MakeLosses(kCudaModuleFile, "cuda:127"),
              StatusIs(absl::StatusCode::kNotFound, ::testing::StartsWith("no ")));
}

TEST(CudaModuleTest, MakesTheLossesAndTheWayToTheCard) {
  const auto made = MakeLosses(kCudaModuleFile, "cuda:0");
  if (absl::IsNotFound(made.status())) GTEST_SKIP() << "not run on a card: " << made.status().message();
  ASSERT_OK(made.status());
  EXPECT_NE(made->lane, nullptr);
  for (const auto& loss : made->losses) EXPECT_NE(loss, nullptr);
}

}  // namespace
}  // namespace lossd
