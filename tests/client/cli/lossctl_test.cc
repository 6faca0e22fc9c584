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
  EXPECT_EQ(err_.str(), "lossctl: expected info, compute, check, load, completion or man, got 'dance'\n");
  EXPECT_EQ(Run({"help"}), kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("compute"));
  EXPECT_EQ(Run({"help", "load"}), kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("--concurrency"));
}

TEST_F(LossctlTest, FlagsMayStandBeforeTheCommandAndHaveUnderscores) {
  EXPECT_EQ(Run({"--server", server_.target(), "info", "--connect_timeout=5s"}), kExitOk);
  EXPECT_EQ(RunOnServer({"compute", "--loss", "squared_norm", "--gradient_scale", "2", "x.0=" + File("x.npy")}),
            kExitOk);
}

TEST_F(LossctlTest, ValuesThatAreNoneAreToldWhatIsExpected) {
  EXPECT_EQ(Run({"load", "--loss", "cpc", "--shape", "4x4"}), kExitUsage);
  EXPECT_EQ(err_.str(), "lossctl: --shape: expected whole numbers separated by commas, such as 1,2, got '4x4'\n");
  EXPECT_EQ(Run({"compute", "--loss", "nt_xent", "--temperature", "warm"}), kExitUsage);
  EXPECT_EQ(err_.str(), "lossctl: --temperature: expected a number, got 'warm'\n");
  EXPECT_EQ(Run({"compute", "--loss", "feature_map_contrastive", "--positions", "1", "2"}), kExitUsage);
  EXPECT_EQ(err_.str(),
            "lossctl: inputs: expected name=file, got '2'; elements of a list are separated by commas, such as 1,2\n");
}

TEST_F(LossctlTest, AServersTextIsPrintedWithoutItsControlCharacters) {
  server_.service.on_compute = [](grpc::ServerContext*, const v1::ComputeRequest&, v1::ComputeResponse*) {
    return grpc::Status(grpc::StatusCode::INTERNAL, "bad\x1b[2J\nlossctl: all well");
  };
  EXPECT_EQ(RunOnServer({"compute", "--loss", "squared_norm", "x.0=" + File("x.npy")}), kExitFailure);
  EXPECT_EQ(err_.str(), "lossctl: INTERNAL: bad\\x1b[2J\\nlossctl: all well\n");
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
