// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/aten_backend.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(AtenBackendTest, MissingModuleIsNamedWithTheFoldersThatWereSearched) {
  for (const auto& [device, file] :
       {std::pair("aten-cpu", "liblossd_aten.so"), std::pair("cuda:1", "liblossd_cuda.so")}) {
    EXPECT_THAT(
        CreateAtenBackend({}, device, {{"/nowhere", "/lib/lossd.none"}, ""}),
        StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr(std::string("no module: ") + file +
                                                              " is not installed in /nowhere or /lib/lossd.none"),
                                                    Not(HasSubstr("\n")))));
  }
}

// A folder with files of the modules' names that are none.
class FalseModulesTest : public ::testing::Test {
 protected:
  FalseModulesTest() {
    std::filesystem::create_directory(folder_);
    for (const char* file : {"liblossd_aten.so", "liblossd_cuda.so"}) std::ofstream(folder_ / file) << "no library";
  }
  ~FalseModulesTest() override { std::filesystem::remove_all(folder_); }

  const std::filesystem::path folder_ = std::filesystem::path(::testing::TempDir()) / "lossd_aten_backend_test";
};

TEST_F(FalseModulesTest, FileThatIsNoModuleIsNotFound) {
  EXPECT_THAT(CreateAtenBackend({}, "aten-cpu", {{folder_.string()}, ""}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("cannot load the module")));
}

TEST_F(FalseModulesTest, LibTorchIsLookedForWhereTheFlagSaysBeforeTheModuleIsLoaded) {
  EXPECT_THAT(CreateAtenBackend({}, "cuda", {{folder_.string()}, "/nowhere"}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no LibTorch with CUDA in --libtorch=/nowhere: ")));
}

TEST_F(FalseModulesTest, LibTorchBesideTheModuleGoesBeforeTheFlags) {
  std::ofstream(folder_ / "libtorch_cuda.so") << "no library";
  EXPECT_THAT(CreateAtenBackend({}, "cuda", {{folder_.string()}, "/nowhere"}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("cannot load the module")));
}

TEST(AtenBackendTest, LooksBesideTheProgramAndInItsLibraryFolder) {
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  EXPECT_THAT(AtenModuleFolders(), ::testing::ElementsAre(program, program.parent_path() / "lib" / "lossd"));
}

}  // namespace
}  // namespace lossd
