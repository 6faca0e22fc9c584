// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/lossctl.h"

#include <fstream>

#include "core/process/build_info.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/lossctl_fixture.h"

namespace lossd::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(LossctlTest, HelpSucceedsAndNonsenseIsAUsageError) {
  EXPECT_EQ(Run({"--help"}), kExitOk);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("info"), HasSubstr("compute"), HasSubstr("check")));
  for (const char* command : {"info", "compute", "check"}) {
    EXPECT_EQ(Run({command, "--help"}), kExitOk);
    EXPECT_THAT(out_.str(), HasSubstr("--target"));
  }
  EXPECT_EQ(Run({}), kExitUsage);
  EXPECT_EQ(Run({"dance"}), kExitUsage);
  EXPECT_EQ(Run({"info", "--nonsense"}), kExitUsage);
}

TEST_F(LossctlTest, OutputThatCannotBeWrittenIsAFailure) {
  std::ofstream full("/dev/full");
  std::vector<std::string> arguments = {"info", "--target", server_.target()};
  EXPECT_EQ(RunLossctl(arguments, {full, err_}), kExitFailure);
  EXPECT_THAT(err_.str(), HasSubstr("the output cannot be written"));
}

TEST_F(LossctlTest, WrongCommandsAreNamedAndHelpIsOne) {
  EXPECT_EQ(Run({"dance"}), kExitUsage);
  EXPECT_EQ(err_.str(), "lossctl: expected info, compute, check or load, got 'dance'\n");
  EXPECT_EQ(Run({"help"}), kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("compute"));
  EXPECT_EQ(Run({"help", "load"}), kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("--concurrency"));
}

TEST_F(LossctlTest, TellsItsVersion) {
  EXPECT_EQ(Run({"--version"}), kExitOk);
  EXPECT_EQ(out_.str(), VersionText("lossctl") + "\n");
}

TEST_F(LossctlTest, ErrorsOfTheServerShowTheirDetails) {
  server_.service.on_compute = [](grpc::ServerContext*, const v1::ComputeRequest&, v1::ComputeResponse*) {
    return client::ToGrpc(client::Refusal("inputs[x.0].shape", "expected rank 4, got 1"));
  };
  EXPECT_EQ(RunOnServer({"compute", "--loss", "cpc", "z=" + File("x.npy")}), kExitFailure);
  EXPECT_THAT(err_.str(), HasSubstr("lossctl: INVALID_ARGUMENT: inputs[x.0].shape: expected rank 4, got 1\n"
                                    "  field inputs[x.0].shape: expected rank 4, got 1\n"));
}

}  // namespace
}  // namespace lossd::cli
