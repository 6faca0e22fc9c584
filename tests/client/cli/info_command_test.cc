// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/info_command.h"

#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/lossctl_fixture.h"
#include "tests/support/server_process.h"

namespace lossd::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using InfoCommandTest = LossctlTest;

TEST_F(InfoCommandTest, InfoShowsTablesOrJson) {
  server_.service.info.set_version("1.2.3");
  v1::LossInfo& loss = *server_.service.info.add_losses();
  loss.set_name("cpc");
  loss.add_inputs()->set_name("z");
  loss.mutable_inputs(0)->add_shape("B");
  loss.mutable_inputs(0)->set_optional(true);
  loss.add_dtypes(v1::DTYPE_FLOAT16);
  server_.service.info.add_devices()->set_name("cpu");
  EXPECT_EQ(RunOnServer({"info"}), kExitOk);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("1.2.3"), HasSubstr("z [B] (optional)"), HasSubstr("FLOAT16")));
  EXPECT_EQ(RunOnServer({"info", "--json"}), kExitOk);
  const nlohmann::json info = nlohmann::json::parse(out_.str());
  EXPECT_EQ(info["losses"][0]["inputs"][0]["optional"], true);
  EXPECT_EQ(info["devices"][0]["name"], "cpu");
}

TEST_F(InfoCommandTest, ATimeoutMayBeNoLimit) {
  EXPECT_EQ(RunOnServer({"info", "--connect-timeout", "inf", "--timeout", "inf"}), kExitOk) << err_.str();
}

TEST_F(InfoCommandTest, SaysWhereThereIsAnotherService) {
  auto server = testing::ServerProcess::Start();
  ASSERT_OK(server);
  EXPECT_EQ(Run({"info", "--target", (*server)->admin_address()}), kExitFailure);
  EXPECT_THAT(err_.str(), HasSubstr((*server)->admin_address() + ": no loss service there"));
  EXPECT_EQ(Run({"info", "--target", ""}), kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--target: expected \"host:port\""));
}

}  // namespace
}  // namespace lossd::cli
