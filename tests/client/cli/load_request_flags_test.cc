// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/lossctl_fixture.h"

namespace lossd::cli {
namespace {

using ::testing::HasSubstr;

class LoadRequestFlagsTest : public LossctlTest {
 protected:
  int Load(std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"load", "--warmup", "0s", "--duration", "20ms"});
    return RunOnServer(std::move(flags));
  }
};

TEST_F(LoadRequestFlagsTest, TheReportSaysWhatWasAskedFor) {
  EXPECT_EQ(Load({"--loss", "nt_xent", "--shape", "8,4", "--dtype", "float64"}), kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("nt_xent of 2 x [8, 4] FLOAT64"));
  EXPECT_EQ(Load({"--loss", "sup_con", "--shape", "8,4"}), kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("sup_con of 1 x [8, 4] FLOAT32, 1 x [8] INT"));
  EXPECT_EQ(Load({"--shape", "8,4"}), kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr(", got none"));
}

TEST_F(LoadRequestFlagsTest, FilesAreSentAsTheyAre) {
  std::string sent;
  server_.service.on_compute = [&](grpc::ServerContext*, const v1::ComputeRequest& request,
                                   v1::ComputeResponse* response) {
    sent = request.inputs(0).data();
    return client::AnswerSquaredNorm(request, response);
  };
  EXPECT_EQ(Load({"--loss", "squared_norm", "x.0=" + File("x.npy")}), kExitOk) << err_.str();
  const std::vector<float> x = {3, 4};
  EXPECT_EQ(sent, std::string(reinterpret_cast<const char*>(x.data()), 8));
}

TEST_F(LoadRequestFlagsTest, AListEndsBeforeTheInputs) {
  EXPECT_EQ(Load({"--loss", "squared_norm", "--shape", "8", "x.0=" + File("x.npy")}), kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--shape: expected without files"));
}

TEST_F(LoadRequestFlagsTest, GradientsCanBeLeftOut) {
  bool none = false;
  server_.service.on_compute = [&](grpc::ServerContext*, const v1::ComputeRequest& request,
                                   v1::ComputeResponse* response) {
    none = request.gradients().mode() == v1::GradientOptions::MODE_NONE;
    return client::AnswerSquaredNorm(request, response);
  };
  EXPECT_EQ(Load({"--loss", "squared_norm", "--shape", "2", "--no-gradients"}), kExitOk) << err_.str();
  EXPECT_TRUE(none);
}

TEST_F(LoadRequestFlagsTest, WhatCannotBeSentIsAUsageError) {
  for (const std::vector<std::string>& flags :
       std::vector<std::vector<std::string>>{{"--loss", "nt_xent"},
                                             {"--loss", "nt_xent", "--shape", "8,8", "a=b.npy"},
                                             {"--loss", "nt_xent", "a"},
                                             {"--loss", "nt_xent", "a=absent.npy"},
                                             {"--loss", "nt_xent", "--shape", "8,8", "--dtype", "complex"},
                                             {"--loss", "nt_xent", "--shape", "8,8", "--maps", "3"},
                                             {"--loss", "nt_xent", "--shape", "8,8", "--seed", "-1"},
                                             {"--loss", "nt_xent", "--shape", "100000,100000"},
                                             {"--loss", "nt_xent", "--shape", "4000000000,4000000000,4000000000"}}) {
    EXPECT_EQ(Load(flags), kExitUsage) << err_.str();
  }
}

}  // namespace
}  // namespace lossd::cli
