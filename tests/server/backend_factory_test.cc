// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/backend_factory.h"

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::BuiltProgram;
using ::lossd::testing::StatusIs;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(BackendFactoryTest, MakesTheProcessorsBackendWithItsThreads) {
  ServerOptions options;
  options.threads = 2;
  for (const char* device : {"cpu", "auto"}) {
    options.device = device;
    ASSERT_OK_AND_ASSIGN(const auto backend, MakeBackend(options, nullptr));
    ASSERT_EQ(backend->Devices().size(), 1);
    EXPECT_EQ(backend->Devices()[0].name, "cpu");
    EXPECT_EQ(backend->Devices()[0].threads, 2);
    EXPECT_EQ(backend->Losses().size(), kLossCount);
  }
}

TEST(BackendFactoryTest, DeviceSaysWhatBecomesOfBf16) {
  ServerOptions options;
  EXPECT_THAT((*MakeBackend(options, nullptr))->Devices()[0].description, Not(HasSubstr("bf16")));
  options.compute_precision = "bf16";
  EXPECT_THAT((*MakeBackend(options, nullptr))->Devices()[0].description, HasSubstr("bf16"));
}

TEST(BackendFactoryTest, LibTorchRoundsOperandsToo) {
  if (!std::filesystem::exists(BuiltProgram("liblossd_aten.so"))) GTEST_SKIP() << "built without LibTorch";
  ServerOptions options;
  options.device = "aten-cpu";
  options.compute_precision = "bf16";
  ASSERT_OK_AND_ASSIGN(const auto backend, MakeBackend(options, nullptr));
  EXPECT_THAT(backend->Devices()[0].description, HasSubstr("operands rounded to bf16"));
}

TEST(BackendFactoryTest, AutoSaysWhyItIsNotOnCuda) {
  ServerOptions options;
  const std::string description = (*MakeBackend(options, nullptr))->Devices()[0].description;
  EXPECT_THAT(description, AnyOf(HasSubstr("not on CUDA: no driver"), HasSubstr("through LibTorch with CUDA")));
  options.device = "cpu";
  EXPECT_THAT((*MakeBackend(options, nullptr))->Devices()[0].description, Not(HasSubstr("CUDA")));
}

TEST(BackendFactoryTest, DeviceThatIsNotThereIsNotFound) {
  ServerOptions options;
  for (const char* device : {"cuda:127", "cuda:126,cuda:127"}) {
    options.device = device;
    EXPECT_THAT(
        MakeBackend(options, nullptr),
        StatusIs(absl::StatusCode::kNotFound,
                 HasSubstr(std::string("--device: expected a device that this build supports, got ") + device)));
  }
}

}  // namespace
}  // namespace lossd
