// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/load_command.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <iterator>

#include "absl/synchronization/notification.h"
#include "client/load/load_report.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/lossctl_fixture.h"
#include "tests/support/local_listener.h"
#include "tests/support/server_process.h"

namespace lossd::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

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
  EXPECT_EQ(Report().run.at("command_line").at(1), "load");
  EXPECT_EQ(Report().run.at("objectives").at("max_error_rate"), 0.001);
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
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("expected a report of lossctl load, got other JSON: "),
                                Not(HasSubstr("json.exception"))));
  EXPECT_EQ(Load({"--compare", File("x.npy")}), kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("x.npy: expected a report of lossctl load, got no JSON\n"));
  EXPECT_EQ(Load({"--compare", File("absent.json")}), kExitUsage);
}

TEST_F(LoadCommandTest, WhatIsWrongIsFoundBeforeTheLoad) {
  std::atomic<int> calls = 0;
  server_.service.on_compute = [&](grpc::ServerContext*, const v1::ComputeRequest& request,
                                   v1::ComputeResponse* response) {
    ++calls;
    return client::AnswerSquaredNorm(request, response);
  };
  for (const std::vector<std::string>& flags :
       std::vector<std::vector<std::string>>{{"--max-regression", "5%"},
                                             {"--compare", File("absent.json")},
                                             {"--compare", File("x.npy")},
                                             {"--json", File("absent/report.json")},
                                             {"--csv", File("absent/report.csv")},
                                             {"--html", File("absent/report.html")}}) {
    EXPECT_EQ(Load(flags), kExitUsage);
    EXPECT_THAT(err_.str(), HasSubstr(flags[0]));
  }
  EXPECT_EQ(Load({"--json", File("report.json")}), kExitOk);
  calls = 0;
  EXPECT_EQ(Load({"--compare", File("report.json"), "--max-regression", "much"}), kExitUsage);
  EXPECT_EQ(calls, 0);
}

TEST_F(LoadCommandTest, TwoReportsInOneFileAreRefused) {
  const std::string report = File("report.json"), same = folder_ + "/./report.json";
  for (const bool exists : {false, true}) {
    if (exists) std::ofstream(report) << "kept";
    EXPECT_EQ(Load({"--json", report, "--csv", same}), kExitUsage);
    EXPECT_THAT(err_.str(), HasSubstr("--csv: expected another file than that of --json, got " + same));
    EXPECT_EQ(Load({"--json", File("other.json"), "--csv", report, "--html", report}), kExitUsage);
    EXPECT_THAT(err_.str(), HasSubstr("--html: expected another file than that of --csv"));
  }
  EXPECT_EQ(std::filesystem::file_size(report), 4u);
  EXPECT_EQ(Load({"--json", "/dev/null", "--csv", "/dev/null"}), kExitOk) << err_.str();
}

TEST_F(LoadCommandTest, AFileThatCannotBeWrittenLeavesTheOthers) {
  EXPECT_EQ(Load({"--json", "/dev/full", "--csv", File("report.csv")}), kExitFailure);
  EXPECT_THAT(err_.str(), HasSubstr("cannot write /dev/full: No space left on device"));
  std::ifstream csv(File("report.csv"));
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(csv), {}), HasSubstr("concurrency 1"));
}

TEST_F(LoadCommandTest, ARegressionThatCannotBeCheckedIsAFailure) {
  EXPECT_EQ(Load({"--json", File("report.json")}), kExitOk);
  EXPECT_EQ(Load({"--compare", File("report.json"), "--max-regression", "100000%"}), kExitOk) << out_.str();
  EXPECT_EQ(Load({"--compare", File("report.json"), "--max-regression", "100000%", "--concurrency", "3"}),
            kExitFailure);
  EXPECT_THAT(out_.str(), HasSubstr("--max-regression was not checked: the baseline has none of the levels"));
}

// A port that accepts and says nothing.
TEST_F(LoadCommandTest, AnInterruptEndsConnecting) {
  const testing::LocalListener listener(1);
  const auto process =
      testing::ChildProcess::Start({testing::BuiltProgram("lossctl"), "load", "--target", listener.address(),
                                    "--connect-timeout", "1h", "--loss", "squared_norm", "--shape", "2"});
  ASSERT_NE(process, nullptr);
  const int peer = listener.Accept();
  process->Signal(SIGINT);
  EXPECT_EQ(process->Wait(), kExitInterrupted);
  EXPECT_THAT(process->Errors(), HasSubstr("lossctl: interrupted"));
  close(peer);
}

TEST_F(LoadCommandTest, MissesAreFailures) {
  EXPECT_EQ(Load({"--slo-p99", "1ns"}), kExitFailure);
  EXPECT_THAT(out_.str(), HasSubstr("missed: p99"));
  EXPECT_EQ(Load({"--slo-p50", "1ns", "--slo-p99", "1h"}), kExitFailure);
  EXPECT_THAT(out_.str(), HasSubstr("missed: p50"));
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
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("answers compared with a local computation"), HasSubstr("missed: "),
                                HasSubstr("answers differ from a local computation")));
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
  process->Signal(SIGTERM);
  process->Signal(SIGINT);  // As `timeout` does: once to the process, once to its group.
  EXPECT_EQ(process->Wait(), kExitInterrupted);
  EXPECT_THAT(process->Output(), AllOf(HasSubstr("INTERRUPTED"), HasSubstr("concurrency 1")));
  EXPECT_THAT(process->Errors(), HasSubstr("lossctl: interrupted"));
  EXPECT_TRUE(Report().interrupted);
  EXPECT_GT(Report().levels.at(0).succeeded, 0);
}

}  // namespace
}  // namespace lossd::cli
