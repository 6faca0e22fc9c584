// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/check_command.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/lossctl_fixture.h"

namespace lossd::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using CheckCommandTest = LossctlTest;

TEST_F(CheckCommandTest, CheckCountsOutcomesAndFailsWhereACaseFails) {
  std::filesystem::create_directories(File("cases/a_broken"));
  std::ofstream(File("cases/a_broken/case.json")) << "{";
  std::filesystem::create_directories(File("cases/b_skipped"));
  std::ofstream(File("cases/b_skipped/case.json"))
      << R"({"name": "fm_tclip_none_error", "task": "FeatureMapContrastiveTask", "compare": "error"})";
  EXPECT_EQ(RunOnServer({"check", File("cases")}), kExitFailure);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("a_broken"), HasSubstr("expected a JSON object"), HasSubstr("skipped")));
  EXPECT_EQ(RunOnServer({"check", File("cases"), "--filter", "skipped", "--json"}), kExitOk);
  const nlohmann::json report = nlohmann::json::parse(out_.str());
  EXPECT_EQ(report["summary"]["skipped"], 1);
  EXPECT_EQ(report["summary"]["failed"], 0);
  EXPECT_EQ(RunOnServer({"check", File("cases/b_skipped"), "--json"}), kExitOk) << "one case";
  EXPECT_EQ(nlohmann::json::parse(out_.str())["summary"]["skipped"], 1);
  EXPECT_EQ(RunOnServer({"check", File("cases"), "--filter", "zzz"}), kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--filter: no case in"));
}

TEST_F(CheckCommandTest, WhatIsNoFolderOfCasesIsNoFailedCase) {
  std::filesystem::create_directories(File("empty"));
  for (const auto& [path, why] :
       {std::pair(File("nowhere"), ": no such folder"), std::pair(File("x.npy/cases"), ": no such folder"),
        std::pair(File("x.npy"), ": expected a folder, got another kind of file"),
        std::pair(File("empty"), ": no folder with a case.json in it"),
        std::pair(File(std::string(300, 'a')), ": File name too long")}) {
    EXPECT_EQ(RunOnServer({"check", path}), kExitUsage) << path;
    EXPECT_THAT(err_.str(), HasSubstr("lossctl: directory: " + path + why));
  }
}

}  // namespace
}  // namespace lossd::cli
