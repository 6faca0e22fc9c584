// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/aten_module.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/losses/aten/module_door.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::MakeLosses;
using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

TEST(AtenModuleTest, MakesEveryLossForTheProcessor) {
  ASSERT_OK_AND_ASSIGN(const DeviceLosses made, MakeLosses(kAtenModuleFile, "aten-cpu"));
  EXPECT_EQ(made.description, "through LibTorch");
  for (const auto& loss : made.losses) ASSERT_NE(loss, nullptr);
  EXPECT_EQ(made.losses[3]->Describe().name, "squared_norm");
}

TEST(AtenModuleTest, SaysThatADeviceIsMissing) {
  EXPECT_THAT(MakeLosses(kAtenModuleFile, "cuda:977"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("LibTorch")));
}

}  // namespace
}  // namespace lossd
