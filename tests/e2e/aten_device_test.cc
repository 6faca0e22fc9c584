// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The server with --device=aten-cpu, and where there is no such device.

#include <map>
#include <string>
#include <vector>

#include "client/cpp/client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

using client::ComputeRequest;
using client::ComputeResponse;
using client::InputTensor;
using client::LossSpec;
using ::lossd::testing::BuiltProgram;
using ::lossd::testing::ChildProcess;
using ::lossd::testing::ServerProcess;
using ::testing::HasSubstr;

// Inputs of every loss: names and shapes.
struct Case {
  LossSpec loss;
  std::map<std::string, Shape> inputs;
};

std::vector<Case> CasesOfAllLosses() {
  client::FeatureMapContrastive maps;
  maps.comparisons = "00, 01";
  maps.sampling.emplace<client::Seed>().torch_seed = 1;
  client::Cpc cpc;
  cpc.target_dim = 3;
  return {{maps,
           {{"anchor.0", {3, 4, 2, 2}},
            {"anchor.1", {3, 4, 1, 1}},
            {"positive.0", {3, 4, 2, 2}},
            {"positive.1", {3, 4, 3, 3}}}},
          {cpc, {{"z", {2, 3, 5, 4}}}},
          {client::NtXent{}, {{"out_1", {5, 3}}, {"out_2", {5, 3}}}},
          {client::SquaredNorm{}, {{"x.0", {7}}}}};
}

absl::StatusOr<ComputeResponse> Compute(client::Client& client, const Case& one) {
  std::vector<std::vector<float>> values;
  ComputeRequest request;
  request.loss = one.loss;
  values.reserve(one.inputs.size());
  for (const auto& [name, shape] : one.inputs) {
    std::vector<float>& elements = values.emplace_back(static_cast<size_t>(ElementCount(shape)));
    for (size_t i = 0; i < elements.size(); ++i) elements[i] = static_cast<float>(i * 7 % 11) / 11 - 0.4F;
    request.inputs.push_back(InputTensor::Borrow<float>(name, shape, elements));
  }
  return client.Compute(std::move(request));
}

void ExpectAlike(const ComputeResponse& got, const ComputeResponse& expected) {
  EXPECT_NEAR(got.objective, expected.objective, 2e-6 * std::max(1.0, std::abs(expected.objective)));
  ASSERT_EQ(got.gradients.size(), expected.gradients.size());
  for (size_t i = 0; i < got.gradients.size(); ++i) {
    ASSERT_EQ(got.gradients[i].spec(), expected.gradients[i].spec());
    const auto a = got.gradients[i].elements<float>();
    const auto b = expected.gradients[i].elements<float>();
    for (size_t e = 0; e < a.size(); ++e) ASSERT_NEAR(a[e], b[e], 1e-6) << got.gradients[i].spec().name;
  }
}

TEST(AtenDeviceTest, ServesAllLossesLikeTheProcessorsBackEnd) {
  ASSERT_OK_AND_ASSIGN(const auto aten, ServerProcess::Start({"--device=aten-cpu"}));
  ASSERT_OK_AND_ASSIGN(const auto tile, ServerProcess::Start({"--device=cpu"}));
  ASSERT_OK_AND_ASSIGN(const auto aten_client, client::Client::Connect(aten->address()));
  ASSERT_OK_AND_ASSIGN(const auto tile_client, client::Client::Connect(tile->address()));
  ASSERT_OK_AND_ASSIGN(const auto info, aten_client->GetServerInfo());
  ASSERT_EQ(info.devices.size(), 1u);
  EXPECT_EQ(info.devices[0].name, "aten-cpu");
  for (const Case& one : CasesOfAllLosses()) {
    ASSERT_OK_AND_ASSIGN(const ComputeResponse got, Compute(*aten_client, one));
    ASSERT_OK_AND_ASSIGN(const ComputeResponse expected, Compute(*tile_client, one));
    ExpectAlike(got, expected);
  }
  EXPECT_EQ(aten->Stop(), 0);
}

TEST(AtenDeviceTest, DeviceThatIsNotThereEndsTheServerWithOneLine) {
  const auto lossd = ChildProcess::Start({BuiltProgram("lossd"), "--device=cuda:97"});
  ASSERT_NE(lossd, nullptr);
  EXPECT_EQ(lossd->Wait(), 4);
  const std::string errors = lossd->Errors();
  EXPECT_THAT(errors, HasSubstr("lossd: --device: expected a device that this build supports, got cuda:97: no "));
  EXPECT_EQ(errors.find('\n'), errors.size() - 1);
}

}  // namespace
}  // namespace lossd
