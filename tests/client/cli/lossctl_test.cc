// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/lossctl.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "core/process/build_info.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/lossctl_fixture.h"

namespace lossd::cli {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

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

TEST_F(LossctlTest, MisspeltFlagsAreToldWhatWasMeant) {
  const std::vector<std::string> compute = {"compute", "--loss", "nt_xent"};
  for (const auto& [written, meant] :
       {std::pair("--tempreature=0.1", "; did you mean --temperature?"), std::pair("-temprature", ""),
        std::pair("--taget", "; did you mean --target?"),
        std::pair("--gradient_dir", "; did you mean --gradients-dir?"), std::pair("--nonsense", "")}) {
    std::vector<std::string> arguments = compute;
    arguments.emplace_back(written);
    EXPECT_EQ(Run(arguments), kExitUsage);
    EXPECT_THAT(err_.str(), AllOf(StartsWith("lossctl: -"),
                                  HasSubstr("expected a flag of lossctl compute (see lossctl "
                                            "compute --help), got another"),
                                  HasSubstr(meant), EndsWith("\n")));
  }
  EXPECT_EQ(Run({"compute", "--loss", "nt_xent", "--tempreature", "0.1"}), kExitUsage);
  EXPECT_EQ(err_.str(),
            "lossctl: --tempreature: expected a flag of lossctl compute (see lossctl compute --help), got another; did "
            "you mean --temperature?\n");
  EXPECT_EQ(Run({"--versio"}), kExitUsage);
  EXPECT_THAT(err_.str(), AllOf(StartsWith("lossctl: "), HasSubstr("did you mean --version?")));
}

TEST_F(LossctlTest, EveryWrongUseIsToldInOneLineByItsProgram) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{}, {"check"}, {"info", "extra"}, {"load", "--loss"}, {"load", "--maps", "0"}}) {
    EXPECT_EQ(Run(arguments), kExitUsage);
    EXPECT_THAT(err_.str(), AllOf(StartsWith("lossctl: "), HasSubstr("--help")));
    const std::string said = err_.str();
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
  }
}

TEST_F(LossctlTest, TargetsThatGrpcWouldCallElsewhereAreRefused) {
  EXPECT_EQ(Run({"info", "--target", "localhost:99999"}), kExitUsage);
  EXPECT_EQ(err_.str(),
            "lossctl: --target: expected \"host:port\", \"unix:/path\" or another name that gRPC resolves, got "
            "'localhost:99999'; ports are 1 to 65535\n");
}

TEST_F(LossctlTest, ErrorsOfThisMachineHaveNoCode) {
  std::ofstream(File("taken")) << "a file";
  const std::vector<std::string> compute = {"compute", "--loss", "squared_norm", "x.0=" + File("x.npy"),
                                            "--gradients-dir"};
  std::vector<std::string> arguments = compute;
  arguments.push_back(File("taken"));
  EXPECT_EQ(RunOnServer(arguments), kExitFailure);
  EXPECT_THAT(err_.str(),
              AllOf(StartsWith("lossctl: --gradients-dir: cannot make the folder "), EndsWith(": Not a directory\n")));
  std::filesystem::create_directories(File("there/x.0.npy"));  // A folder where the file should be.
  arguments.back() = File("there");
  EXPECT_EQ(RunOnServer(arguments), kExitFailure);
  EXPECT_THAT(err_.str(), AllOf(StartsWith("lossctl: " + File("there/x.0.npy")), EndsWith(": Is a directory\n")));
  EXPECT_EQ(RunOnServer({"load", "--loss", "squared_norm", "--shape", "2", "--duration", "20ms", "--warmup", "0s",
                         "--json", "/dev/full"}),
            kExitFailure);
  EXPECT_THAT(err_.str(), HasSubstr("lossctl: --json: cannot write /dev/full: No space left on device\n"));
  EXPECT_EQ(RunOnServer({"load", "--loss", "squared_norm", "--shape", "2", "--csv", File("no/such")}), kExitUsage);
  EXPECT_EQ(err_.str(), "lossctl: --csv: cannot write " + File("no/such") + ": No such file or directory\n");
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

TEST_F(LossctlTest, AValueThatIsGivenTwiceIsRefused) {
  const std::string x = "x.0=" + File("x.npy");
  for (const auto& [arguments, flag] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"load", "--loss", "squared_norm", "--shape", "8,4", "--shape", "4,4"}, "--shape"},
           {{"load", "--loss", "nt_xent", "--loss", "dcl", "--shape", "4,4"}, "--loss"},
           {{"compute", "--loss", "squared_norm", "--gradients", "x.0", "--gradients", "none", x}, "--gradients"},
           {{"compute", "--loss", "feature_map_contrastive", "--positions", "1", "--positions", "2"}, "--positions"},
           {{"info", "--server", "a:1"}, "--target"}}) {  // RunOnServer gives another.
    EXPECT_EQ(RunOnServer(arguments), kExitUsage) << flag;
    EXPECT_EQ(err_.str(),
              "lossctl: " + flag + ": expected once, got it 2 times (see lossctl " + arguments[0] + " --help)\n");
  }
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
