// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/compute_command.h"

#include <cstdlib>
#include <filesystem>

#include "client/npy/npy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/lossctl_fixture.h"

namespace lossd::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using ComputeCommandTest = LossctlTest;

TEST_F(ComputeCommandTest, ComputePrintsAndWritesGradients) {
  EXPECT_EQ(RunOnServer({"compute", "--loss", "squared_norm", "x.0=" + File("x.npy"), "--gradients-dir", File("out")}),
            kExitOk)
      << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("12.5"));
  ASSERT_OK_AND_ASSIGN(const Tensor gradient, ReadNpy(File("out/x.0.npy"), "x.0"));
  EXPECT_THAT(gradient.elements<float>(), ElementsAre(3, 4));
}

TEST_F(ComputeCommandTest, ComputeSendsItsFlags) {
  v1::ComputeRequest seen;
  server_.service.on_compute = [&](grpc::ServerContext*, const v1::ComputeRequest& request, v1::ComputeResponse*) {
    seen = request;
    return grpc::Status::OK;
  };
  EXPECT_EQ(RunOnServer({"compute", "--config", R"({"nt_xent": {"temperature": 0.25}})", "--gradients", "x.0,y*",
                         "--gradient-dtype", "float16", "--gradient-scale", "8", "--reject-nonfinite", "--json"}),
            kExitOk)
      << err_.str();
  EXPECT_EQ(seen.loss().nt_xent().temperature(), 0.25);
  EXPECT_EQ(seen.gradients().mode(), v1::GradientOptions::MODE_NAMED);
  EXPECT_THAT(seen.gradients().names(), ElementsAre("x.0", "y*"));
  EXPECT_EQ(seen.gradients().dtype(), v1::DTYPE_FLOAT16);
  EXPECT_EQ(seen.gradients().scale(), 8);
  EXPECT_EQ(seen.options().nonfinite_policy(), v1::ComputeOptions::NONFINITE_POLICY_REJECT);
  EXPECT_TRUE(seen.options().timing());
  EXPECT_EQ(RunOnServer({"compute", "--loss", "squared_norm", "--gradients", "none"}), kExitOk);
  EXPECT_EQ(seen.gradients().mode(), v1::GradientOptions::MODE_NONE);
}

TEST_F(ComputeCommandTest, AListEndsBeforeTheInputs) {
  v1::ComputeRequest seen;
  server_.service.on_compute = [&](grpc::ServerContext*, const v1::ComputeRequest& request, v1::ComputeResponse*) {
    seen = request;
    return grpc::Status::OK;
  };
  const std::string input = "x.0=" + File("x.npy");
  EXPECT_EQ(RunOnServer({"compute", "--loss", "squared_norm", "--gradients", "x.0", input}), kExitOk) << err_.str();
  EXPECT_EQ(seen.inputs_size(), 1);
  EXPECT_THAT(seen.gradients().names(), ElementsAre("x.0"));
  EXPECT_EQ(RunOnServer(
                {"compute", "--loss", "feature_map_contrastive", "--loss-weights", "1,2", "--positions", "3,4", input}),
            kExitOk)
      << err_.str();
  EXPECT_EQ(seen.inputs_size(), 1);
  EXPECT_THAT(seen.loss().feature_map_contrastive().loss_weights(), ElementsAre(1, 2));
}

TEST_F(ComputeCommandTest, ComputeReadsMembersOfArchives) {
  const std::string archive = std::string(std::getenv("LOSSD_SOURCE_DIR")) + "/tests/client/npy/testdata/stored.npz";
  EXPECT_EQ(RunOnServer({"compute", "--loss", "squared_norm", "--json", "x.0=" + archive + ":a"}), kExitOk)
      << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("\"objective\": 27.5"));
}

TEST_F(ComputeCommandTest, ComputeRefusesBadArguments) {
  EXPECT_EQ(RunOnServer({"compute", "--loss", "squared_norm", "x.npy"}), kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("inputs: expected name=file, got 'x.npy'"));
  EXPECT_EQ(RunOnServer({"compute", "--loss", "squared_norm", "x=" + File("missing.npy")}), kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("missing.npy: no such file"));
  EXPECT_EQ(RunOnServer({"compute", "--loss", "squared_norm", "--gradient-dtype", "int8"}), kExitUsage);
  EXPECT_EQ(RunOnServer({"compute", "--loss", "squared_norm", "--gradients", "none", "--gradients-dir", File("out")}),
            kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--gradients-dir: expected without --gradients none"));
}

TEST_F(ComputeCommandTest, ComputeWritesNoFileOutsideItsFolder) {
  std::string name;
  server_.service.on_compute = [&](grpc::ServerContext*, const v1::ComputeRequest&, v1::ComputeResponse* response) {
    v1::Tensor& gradient = *response->add_gradients();
    gradient.set_name(name);
    gradient.set_dtype(v1::DTYPE_UINT8);
    gradient.add_shape(0);
    return grpc::Status::OK;
  };
  for (const std::string& escape : {std::string("../escaped"), std::string("a\0/../../escaped", 16),
                                    std::string("a\0b", 3), std::string("..\\escaped"), std::string("a\x1b[2J")}) {
    name = escape;
    EXPECT_EQ(RunOnServer({"compute", "--loss", "squared_norm", "--gradients-dir", File("out")}), kExitFailure);
    EXPECT_THAT(err_.str(), HasSubstr("not a file name"));
    EXPECT_TRUE(std::filesystem::is_empty(File("out")));
  }
  EXPECT_FALSE(std::filesystem::exists(File("escaped.npy")));
}

}  // namespace
}  // namespace lossd::cli
