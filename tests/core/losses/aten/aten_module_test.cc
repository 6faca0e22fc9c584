// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/aten_module.h"

#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;

// The module of this build, in a process that does not link LibTorch.
absl::StatusOr<LossSet> MakeLosses(const char* device) {
  const char* folder = std::getenv("LOSSD_BIN_DIR");
  const std::string path = std::string(folder == nullptr ? "." : folder) + "/" + kAtenModuleFile;
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) return absl::UnavailableError(dlerror());
  auto* make = reinterpret_cast<AtenModuleFunction*>(dlsym(module, kAtenModuleFunction));
  absl::StatusOr<LossSet> losses = absl::UnknownError("not made");
  make(device, 0, &losses);
  return losses;
}

TEST(AtenModuleTest, MakesEveryLossForTheProcessor) {
  ASSERT_OK_AND_ASSIGN(const LossSet losses, MakeLosses("aten-cpu"));
  for (const auto& loss : losses) ASSERT_NE(loss, nullptr);
  EXPECT_EQ(losses[3]->Describe().name, "squared_norm");
}

TEST(AtenModuleTest, SaysThatADeviceIsMissing) {
  EXPECT_THAT(MakeLosses("cuda:977"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("LibTorch")));
}

}  // namespace
}  // namespace lossd
