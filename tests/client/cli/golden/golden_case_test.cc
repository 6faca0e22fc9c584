// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/golden_case.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/golden/fake_client.h"
#include "tests/support/status_matchers.h"

namespace lossd::cli {
namespace {

using ::lossd::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string FolderWith(const std::string& name, const std::string& case_json) {
  std::string folder = ::testing::TempDir() + "/golden_case_test/" + name;
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/case.json") << case_json;
  return folder;
}

TEST(GoldenCaseTest, LoadsAStoredCase) {
  const GoldenCase golden = StoredCase("nt_n2_d8_t0.5_norm");
  EXPECT_EQ(golden.task, "nt_xent_loss");
  EXPECT_EQ(golden.compare, "must_match");
  EXPECT_TRUE(golden.Has("out_1.npy"));
  EXPECT_FALSE(golden.Has("out_3.npy"));
  ASSERT_OK_AND_ASSIGN(const Tensor tensor, golden.Load("out_1.npy", "out_1"));
  EXPECT_EQ(tensor.spec(), (TensorSpec{"out_1", DType::kFloat32, {2, 8}}));
}

TEST(GoldenCaseTest, RefusesWhatIsNoCase) {
  EXPECT_THAT(LoadGoldenCase("/no/such/folder"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/folder")));
  EXPECT_THAT(LoadGoldenCase(FolderWith("list", "[]")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected a JSON object")));
  EXPECT_THAT(LoadGoldenCase(FolderWith("nameless", R"({"name": 1, "task": "x", "compare": "y"})")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected the strings name, task and compare")));
}

TEST(ListGoldenCasesTest, ListsFoldersInOrder) {
  const std::string root = std::string(std::getenv("LOSSD_SOURCE_DIR")) + "/tests/golden";
  ASSERT_OK_AND_ASSIGN(const auto folders, ListGoldenCases(root));
  EXPECT_THAT(folders, SizeIs(103));
  EXPECT_TRUE(std::is_sorted(folders.begin(), folders.end()));
  EXPECT_THAT(ListGoldenCases("/no/such/folder"), StatusIs(absl::StatusCode::kNotFound));
}

TEST(NumberTest, ReadsWhatJsonCannotSay) {
  EXPECT_EQ(Number(1.5), 1.5);
  EXPECT_EQ(Number(3), 3);
  EXPECT_TRUE(std::isnan(Number("nan")));
  EXPECT_EQ(Number("inf"), INFINITY);
  EXPECT_EQ(Number("-inf"), -INFINITY);
  EXPECT_THROW(Number("one"), nlohmann::json::type_error);
}

}  // namespace
}  // namespace lossd::cli
