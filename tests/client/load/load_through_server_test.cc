// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// `lossctl load` against the real server: every way of loading it, for a fraction of a second each.

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "client/cli/lossctl.h"
#include "client/load/load_report.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"

namespace lossd::load {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LoadThroughServerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new testing::TemporaryFolder;
    auto server = testing::ServerProcess::Start({"--listen=127.0.0.1:0,unix:" + folder_->File("socket")});
    ASSERT_OK(server);
    server_ = server->release();
  }
  static void TearDownTestSuite() {
    delete server_;
    delete folder_;
  }

  // Runs `lossctl load` for a moment and reads the report; the exit code goes to exit_code_.
  LoadReport Load(std::vector<std::string> flags, const std::string& target = "") {
    const std::string report = folder_->File("report.json");
    std::vector<std::string> arguments = {
        "load", "--target", target.empty() ? server_->address() : target, "--warmup", "10ms", "--json", report};
    if (std::find(flags.begin(), flags.end(), "--duration") == flags.end()) {
      flags.insert(flags.end(), {"--duration", "150ms"});
    }
    if (std::find(flags.begin(), flags.end(), "--loss") == flags.end()) {
      flags.insert(flags.end(), {"--loss", "nt_xent", "--shape", "8,16"});
    }
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    std::ostringstream out, err;
    exit_code_ = cli::RunLossctl(arguments, {out, err});
    output_ = out.str() + err.str();
    std::ifstream file(report);
    const auto read = ReportFromJson(std::string(std::istreambuf_iterator<char>(file), {}));
    EXPECT_OK(read.status()) << output_;
    return read.ok() ? *read : LoadReport{};
  }

  static testing::TemporaryFolder* folder_;
  static testing::ServerProcess* server_;
  int exit_code_ = -1;
  std::string output_;
};

testing::TemporaryFolder* LoadThroughServerTest::folder_ = nullptr;
testing::ServerProcess* LoadThroughServerTest::server_ = nullptr;

TEST_F(LoadThroughServerTest, SweepsConcurrencyAndVerifiesAnswers) {
  const LoadReport report = Load({"--concurrency", "1:4", "--connections", "2", "--threads", "2", "--verify", "1",
                                  "--metrics-url", "http://" + server_->http_address() + "/metrics"});
  EXPECT_EQ(exit_code_, 0) << output_;
  ASSERT_EQ(report.levels.size(), 3u);
  EXPECT_TRUE(report.setup.at("server_flags").contains("max_concurrent_calls"));
  for (const LevelFigures& level : report.levels) {
    EXPECT_GT(level.succeeded, 0);
    EXPECT_GE(level.checked, level.succeeded);
    EXPECT_EQ(level.different, 0);
    EXPECT_THAT(level.errors, IsEmpty());
    EXPECT_EQ(level.server_stages.size(), 4u);
  }
}

TEST_F(LoadThroughServerTest, VerifiesEveryLossToTheByte) {
  for (const std::vector<std::string>& loss : std::vector<std::vector<std::string>>{
           {"--loss", "feature_map_contrastive", "--shape", "3,5,4,4"},
           {"--loss", "feature_map_contrastive", "--shape", "3,5,4,4", "--comparisons", "0r", "--dtype", "bfloat16"},
           {"--loss", "cpc", "--shape", "2,4,5,5", "--dtype", "float64"},
           {"--loss", "squared_norm", "--shape", "1000", "--no-gradients"}}) {
    std::vector<std::string> flags = loss;
    flags.insert(flags.end(), {"--verify", "1", "--rate", "100"});  // Every call counts, however long it takes.
    const LoadReport report = Load(flags);
    EXPECT_EQ(exit_code_, 0) << output_;
    EXPECT_GT(report.levels.at(0).checked, 0) << loss[1];
    EXPECT_EQ(report.levels.at(0).different, 0) << loss[1];
  }
}

TEST_F(LoadThroughServerTest, StreamsOverAUnixSocket) {
  const LoadReport report =
      Load({"--stream", "--concurrency", "8", "--verify", "2"}, "unix:" + folder_->File("socket"));
  EXPECT_EQ(exit_code_, 0) << output_;
  EXPECT_GT(report.levels.at(0).succeeded, 0);
  EXPECT_GT(report.levels.at(0).checked, 0);
}

TEST_F(LoadThroughServerTest, KeepsToARateWhateverTheServerDoes) {
  const LoadReport report = Load({"--rate", "200", "--arrivals", "poisson"});
  EXPECT_EQ(exit_code_, 0) << output_;
  EXPECT_TRUE(report.levels.at(0).open);
  EXPECT_GT(report.levels.at(0).succeeded, 0);
  EXPECT_GE(report.levels.at(0).latency.At(0.5), report.levels.at(0).service.At(0.5));
  EXPECT_GT(report.levels.at(0).lag.samples, 0);
  EXPECT_EQ(report.setup.at("arrivals"), "poisson");
  EXPECT_FALSE(report.setup.at("server_version").get<std::string>().empty());
}

TEST_F(LoadThroughServerTest, CountsArrivalsThatFindNoRoom) {
  const LoadReport report = Load({"--rate", "5000", "--max-outstanding", "1", "--loss", "cpc", "--shape", "8,16,7,7"});
  EXPECT_EQ(exit_code_, 1);  // Above --max-error-rate.
  EXPECT_GT(report.levels.at(0).skipped, 0);
}

TEST_F(LoadThroughServerTest, FindsTheHighestConcurrencyOrSaysThatThereIsNone) {
  EXPECT_GE(*Load({"--concurrency", "1:2", "--find-max", "--slo-p99", "1h"}).highest, 2);
  EXPECT_EQ(exit_code_, 0) << output_;
  EXPECT_FALSE(Load({"--concurrency", "1:2", "--find-max", "--slo-p99", "1ns"}).highest.has_value());
  EXPECT_EQ(exit_code_, 1);
}

TEST_F(LoadThroughServerTest, CountsErrorsByCode) {
  const LoadReport report = Load({"--loss", "cpc", "--shape", "8,16,7,7", "--concurrency", "2", "--timeout", "100us"});
  EXPECT_EQ(exit_code_, 1);
  EXPECT_GT(report.levels.at(0).errors.at("DEADLINE_EXCEEDED").calls, 0);
}

TEST_F(LoadThroughServerTest, TheServerBearsChaos) {
  const LevelFigures cancelled = Load({"--chaos", "cancel", "--concurrency", "4"}).levels.at(0);
  EXPECT_GT(cancelled.disturbances, 0);
  EXPECT_EQ(cancelled.provoked, cancelled.failed);
  EXPECT_EQ(exit_code_, 0) << output_;
  const LevelFigures hasty = Load({"--chaos", "short-deadline", "--concurrency", "4"}).levels.at(0);
  EXPECT_GT(hasty.provoked, 0);
  EXPECT_EQ(hasty.provoked, hasty.failed);
  EXPECT_EQ(exit_code_, 0) << output_;
  const LevelFigures disconnected = Load({"--chaos", "disconnect"}).levels.at(0);
  EXPECT_GT(disconnected.disturbances, 0);
  EXPECT_GT(disconnected.succeeded, 0);
  EXPECT_EQ(disconnected.failed, 0);
  EXPECT_EQ(exit_code_, 0) << output_;
  const LevelFigures slow = Load({"--chaos", "slow-reader", "--stream", "--concurrency", "4"}).levels.at(0);
  EXPECT_GT(slow.disturbances, 0);
  EXPECT_GT(slow.succeeded, 0);
  EXPECT_EQ(slow.failed, 0);
  EXPECT_EQ(exit_code_, 0) << output_;
}

TEST_F(LoadThroughServerTest, WritesReportsAndComparesWithABaseline) {
  const std::string baseline = folder_->File("baseline.json"), csv = folder_->File("report.csv"),
                    page = folder_->File("report.html");
  Load({"--csv", csv, "--html", page});
  std::ifstream json(folder_->File("report.json"));
  std::ofstream(baseline) << json.rdbuf();
  Load({"--compare", baseline});
  EXPECT_THAT(output_, AllOf(HasSubstr("against baseline"), HasSubstr("concurrency 1")));
  EXPECT_TRUE(std::ifstream(csv).good());
  EXPECT_TRUE(std::ifstream(page).good());
}

TEST(LoadUsageTest, ContradictionsAreUsageErrors) {
  for (const std::vector<std::string>& flags : std::vector<std::vector<std::string>>{
           {"--loss", "nt_xent"},
           {"--loss", "nt_xent", "--shape", "8,8", "--rate", "5", "--concurrency", "2"},
           {"--loss", "nt_xent", "--shape", "8,8", "--rate", "5:10"},
           {"--loss", "nt_xent", "--shape", "8,8", "--find-max"},
           {"--loss", "nt_xent", "--shape", "8,8", "--chaos", "slow-reader"},
           {"--loss", "nt_xent", "--shape", "8,8", "--chaos", "cancel", "--stream"},
           {"--loss", "nt_xent", "--shape", "8,8", "a=b.npy"}}) {
    std::vector<std::string> arguments = {"load"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    std::ostringstream out, err;
    EXPECT_EQ(cli::RunLossctl(arguments, {out, err}), cli::kExitUsage) << err.str();
  }
}

}  // namespace
}  // namespace lossd::load
