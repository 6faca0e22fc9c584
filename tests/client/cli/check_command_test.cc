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
  EXPECT_EQ(RunOnServer({"check", File("nowhere")}), kExitFailure);
  EXPECT_EQ(RunOnServer({"check", File("cases/b_skipped"), "--json"}), kExitOk) << "one case";
  EXPECT_EQ(nlohmann::json::parse(out_.str())["summary"]["skipped"], 1);
  EXPECT_EQ(RunOnServer({"check", File("cases"), "--filter", "zzz"}), kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--filter: no case in"));
}

}  // namespace
}  // namespace lossd::cli
