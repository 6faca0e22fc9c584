// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/load_command.h"

#include <atomic>
#include <fstream>
#include <iterator>

#include "absl/synchronization/notification.h"
#include "client/load/load_report.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/lossctl_fixture.h"
#include "tests/support/server_process.h"

namespace lossd::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class LoadCommandTest : public LossctlTest {
 protected:
  int Load(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"load", "--loss", "squared_norm", "--shape", "2", "--warmup", "0s", "--duration",
                                 "60ms", "--window", "20ms"});
    return RunOnServer(std::move(flags));
  }
  load::LoadReport Report() const {
    std::ifstream file(File("report.json"));
    const auto report = load::ReportFromJson(std::string(std::istreambuf_iterator<char>(file), {}));
    EXPECT_OK(report.status());
    return report.ok() ? *report : load::LoadReport{};
  }
};

TEST_F(LoadCommandTest, HelpHasExamplesUnitsAndExitCodes) {
  EXPECT_EQ(Run({"load", "--help"}), kExitOk);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("--concurrency"), HasSubstr("1:64:*4"), HasSubstr("Examples:"),
                                HasSubstr("--find-max --slo-p99 20ms"), HasSubstr("Exit codes: 0"),
                                HasSubstr("130 interrupted"), HasSubstr("Durations have a unit")));
}

TEST_F(LoadCommandTest, WritesEveryReport) {
  EXPECT_EQ(Load({"--json", File("report.json"), "--csv", File("report.csv"), "--html", File("report.html")}), kExitOk)
      << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("concurrency 1"));
  EXPECT_EQ(Report().levels.size(), 1u);
  EXPECT_TRUE(std::ifstream(File("report.csv")).good());
  EXPECT_TRUE(std::ifstream(File("report.html")).good());
}

TEST_F(LoadCommandTest, ComparesAndNamesWhatDiffersInTheSetup) {
  EXPECT_EQ(Load({"--json", File("report.json")}), kExitOk);
  EXPECT_EQ(Load({"--compare", File("report.json"), "--connections", "2"}), kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("another set-up: connections: 1 in the baseline, 2 now"),
                                HasSubstr("against baseline"), HasSubstr("concurrency 1")));
  std::ofstream(File("nonsense.json")) << "[]";
  EXPECT_EQ(Load({"--compare", File("nonsense.json")}), kExitUsage);
  EXPECT_EQ(Load({"--compare", File("absent.json")}), kExitUsage);
}

TEST_F(LoadCommandTest, MissesAreFailures) {
  EXPECT_EQ(Load({"--slo-p99", "1ns"}), kExitFailure);
  EXPECT_THAT(out_.str(), HasSubstr("missed: p99"));
  EXPECT_EQ(Load({"--find-max", "--concurrency", "1:2", "--slo-p99", "1ns"}), kExitFailure);
  EXPECT_THAT(out_.str(), HasSubstr("search: 1 missed"));
  EXPECT_EQ(Load({"--find-max", "--concurrency", "1:2", "--slo-p99", "1h"}), kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("search: 1 met, 2 met\nhighest load that meets the objectives: 2"));
}

TEST_F(LoadCommandTest, WrongAnswersAreFailures) {
  server_.service.on_compute = [](grpc::ServerContext*, const v1::ComputeRequest& request,
                                  v1::ComputeResponse* response) {
    client::AnswerSquaredNorm(request, response);
    response->set_objective(-1);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Load({}), kExitOk);
  EXPECT_EQ(Load({"--verify", "1"}), kExitFailure);
  EXPECT_THAT(out_.str(), HasSubstr("answers compared with a local computation"));
}

TEST_F(LoadCommandTest, AnInterruptEndsTheRunWithAReport) {
  absl::Notification enough;  // By then, the measurement is well under way.
  std::atomic<int> calls{0};
  server_.service.on_compute = [&](grpc::ServerContext*, const v1::ComputeRequest& request,
                                   v1::ComputeResponse* response) {
    if (++calls == 500) enough.Notify();
    return client::AnswerSquaredNorm(request, response);
  };
  const auto process = testing::ChildProcess::Start(
      {testing::BuiltProgram("lossctl"), "load", "--target", server_.target(), "--loss", "squared_norm", "--shape", "2",
       "--warmup", "0s", "--duration", "1h", "--json", File("report.json")});
  ASSERT_NE(process, nullptr);
  enough.WaitForNotification();
  process->Signal(SIGINT);
  EXPECT_EQ(process->Wait(), kExitInterrupted);
  EXPECT_THAT(process->Output(), AllOf(HasSubstr("INTERRUPTED"), HasSubstr("concurrency 1")));
  EXPECT_THAT(process->Errors(), HasSubstr("lossctl: interrupted"));
  EXPECT_TRUE(Report().interrupted);
  EXPECT_GT(Report().levels.at(0).succeeded, 0);
}

}  // namespace
}  // namespace lossd::cli
