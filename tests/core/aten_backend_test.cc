// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/aten_backend.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

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
  EXPECT_THAT(CreateAtenBackend({}, "aten-cpu", {"/nowhere", "/lib/lossd.none"}),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("liblossd_aten.so is not installed in /nowhere or /lib/lossd.none"),
                             Not(HasSubstr("\n")))));
}

TEST(AtenBackendTest, FileThatIsNoModuleIsNotFound) {
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / "lossd_aten_backend_test";
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "liblossd_aten.so") << "no library";
  EXPECT_THAT(CreateAtenBackend({}, "aten-cpu", {folder.string()}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("cannot load the module")));
  std::filesystem::remove_all(folder);
}

TEST(AtenBackendTest, LooksBesideTheProgramAndInItsLibraryFolder) {
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  EXPECT_THAT(AtenModuleFolders(), ::testing::ElementsAre(program, program.parent_path() / "lib" / "lossd"));
}

}  // namespace
}  // namespace lossd
