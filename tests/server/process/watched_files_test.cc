// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/watched_files.h"

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using ::lossd::testing::IsOkAndHolds;
using ::lossd::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two files, of which what is taken is kept; "bad" is not taken.
class WatchedFilesTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_.File(name), std::ios::trunc) << text;
  }
  absl::Status Take(const std::vector<std::string>& contents) {
    if (contents[1] == "bad") return absl::InvalidArgumentError("bad");
    taken_.push_back(contents[0] + contents[1]);
    return absl::OkStatus();
  }

  const testing::TemporaryFolder folder_;
  std::vector<std::string> taken_;
  WatchedFiles files_{{{"--one", folder_.File("one")}, {"--two", folder_.File("two")}},
                      [this](const std::vector<std::string>& contents) { return Take(contents); }};
};

TEST_F(WatchedFilesTest, HandsOverWhatIsNewOnce) {
  Write("one", "1");
  Write("two", "2");
  EXPECT_THAT(files_.Look(), IsOkAndHolds(true));
  EXPECT_THAT(files_.Look(), IsOkAndHolds(false));
  Write("two", "2");  // Written anew, and as it was.
  EXPECT_THAT(files_.Look(), IsOkAndHolds(false));
  Write("two", "3");
  EXPECT_THAT(files_.Look(), IsOkAndHolds(true));
  EXPECT_THAT(taken_, ElementsAre("12", "13"));
}

TEST_F(WatchedFilesTest, SaysOnceWhatIsWrongAndTakesWhatIsRightAgain) {
  Write("one", "1");
  Write("two", "2");
  EXPECT_THAT(files_.Look(), IsOkAndHolds(true));
  Write("two", "bad");
  EXPECT_THAT(files_.Look(), StatusIs(absl::StatusCode::kInvalidArgument, "bad"));
  EXPECT_THAT(files_.Look(), IsOkAndHolds(false));
  std::filesystem::remove(folder_.File("two"));
  EXPECT_THAT(files_.Look(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--two: cannot read \"" + folder_.File("two")), HasSubstr("No such file"))));
  EXPECT_THAT(files_.Look(), IsOkAndHolds(false));
  Write("two", "2");
  EXPECT_THAT(files_.Look(), IsOkAndHolds(true));
  EXPECT_THAT(taken_, ElementsAre("12", "12"));
}

TEST_F(WatchedFilesTest, FollowsLinksThatAreSwappedAsKubernetesDoes) {
  for (const char* version : {"v1", "v2"}) {
    std::filesystem::create_directory(folder_.File(version));
    Write(std::string(version) + "/one", version);
    Write(std::string(version) + "/two", "");
  }
  const auto show = [this](const char* version) {
    std::filesystem::create_directory_symlink(version, folder_.File("..data_tmp"));
    std::filesystem::rename(folder_.File("..data_tmp"), folder_.File("..data"));
  };
  show("v1");
  for (const char* name : {"one", "two"}) {
    std::filesystem::create_symlink(std::string("..data/") + name, folder_.File(name));
  }
  EXPECT_THAT(files_.Look(), IsOkAndHolds(true));
  show("v2");
  EXPECT_THAT(files_.Look(), IsOkAndHolds(true));
  EXPECT_THAT(taken_, ElementsAre("v1", "v2"));
}

}  // namespace
}  // namespace lossd
