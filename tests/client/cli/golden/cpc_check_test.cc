// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "client/cli/golden/task_checks.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/golden/fake_client.h"

namespace lossd::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// What the reference answered; its last, empty step left out.
client::ComputeResponse StoredAnswer(const GoldenCase& golden) {
  client::ComputeResponse response;
  response.outputs.push_back(StoredResult(golden, "loss.npy", "loss"));
  response.objective = response.outputs[0].elements<float>()[0];
  const client::ResultTensor steps = StoredResult(golden, "L.npy", "step_losses");
  const int64_t count = steps.spec().shape[0] - 1;
  response.outputs.push_back(MakeResult({"step_losses", DType::kFloat32, {count}}, steps.bytes().data()));
  for (const auto& gradient : golden.json.at("expected").at("gradients")) {
    const std::string name = gradient.at("name");
    response.gradients.push_back(StoredResult(golden, gradient.at("file"), name == "z" ? name : "parameters." + name));
  }
  return response;
}

Verdict Check(const GoldenCase& golden, Client& client) { return CheckCpcCase(golden, DecisionFor(golden), client); }

TEST(CheckCpcCaseTest, PassesWhatIsStoredSeededAndInline) {
  const GoldenCase golden = StoredCase("cpc_c4_b3_7x7_full");
  FakeClient client([&](const client::ComputeRequest&) { return StoredAnswer(golden); });
  const Verdict verdict = Check(golden, client);
  EXPECT_EQ(verdict.outcome, Outcome::kPassed) << verdict.detail;
  ASSERT_THAT(client.requests, SizeIs(2));
  EXPECT_EQ(std::get<client::Cpc>(client.requests[0].loss).init_seed, 1u);
  EXPECT_THAT(client.requests[0].inputs, SizeIs(1));
  EXPECT_EQ(std::get<client::Cpc>(client.requests[1].loss).init_seed, std::nullopt);
  EXPECT_THAT(client.requests[1].inputs, SizeIs(45));
}

TEST(CheckCpcCaseTest, InlineParametersMustGiveTheSameBits) {
  const GoldenCase golden = StoredCase("cpc_c4_b3_7x7_full");
  FakeClient client([&](const client::ComputeRequest& request) {
    client::ComputeResponse response = StoredAnswer(golden);
    if (request.inputs.size() > 1) response.objective += 1e-6;
    return response;
  });
  EXPECT_THAT(Check(golden, client).detail, HasSubstr("parameters sent along: expected the objective"));
}

TEST(CheckCpcCaseTest, RefusalsCountWhereTheyAreDue) {
  FakeClient client([](const client::ComputeRequest&) { return absl::InvalidArgumentError("inputs[z].shape: no"); });
  EXPECT_EQ(Check(StoredCase("cpc_err_2x2"), client).outcome, Outcome::kRefused);
  EXPECT_EQ(Check(StoredCase("cpc_c4_b1_7x7"), client).outcome, Outcome::kFailed);
  EXPECT_EQ(Check(StoredCase("cpc_err_nan"), client).outcome, Outcome::kFailed);
}

TEST(CheckCpcCaseTest, NanMustBeNamed) {
  client::ComputeResponse response;
  response.objective = std::numeric_limits<double>::quiet_NaN();
  FakeClient client([&](const client::ComputeRequest&) { return response; });
  EXPECT_EQ(Check(StoredCase("cpc_err_nan"), client).outcome, Outcome::kFailed);
  response.nonfinite = {"z", "loss"};
  EXPECT_EQ(Check(StoredCase("cpc_err_nan"), client).outcome, Outcome::kPassed);
}

TEST(CheckCpcCaseTest, ParametersOfOtherShapesMustBeRefused) {
  FakeClient lenient([](const client::ComputeRequest&) { return client::ComputeResponse(); });
  EXPECT_THAT(Check(StoredCase("cpc_err_channels"), lenient).detail, HasSubstr("other shapes to be refused"));
  FakeClient strict([](const client::ComputeRequest& request) -> absl::StatusOr<client::ComputeResponse> {
    if (request.inputs.size() > 1) return absl::InvalidArgumentError("inputs[parameters.pred_cnn.weight].shape");
    return client::ComputeResponse();
  });
  EXPECT_EQ(Check(StoredCase("cpc_err_channels"), strict).outcome, Outcome::kPassed);
}

TEST(CheckCpcParametersTest, ComparesDrawnWithStoredParameters) {
  FakeClient same([](const client::ComputeRequest&) { return client::ComputeResponse(); });
  EXPECT_EQ(CheckCpcParameters(StoredCase("cpc_params_c4_t16_s1"), same).outcome, Outcome::kPassed);
  EXPECT_EQ(CheckCpcParameters(StoredCase("cpc_params_c32_t64_s2"), same).outcome, Outcome::kSkipped);
  FakeClient other([](const client::ComputeRequest& request) {
    client::ComputeResponse response;
    response.objective = static_cast<double>(request.inputs.size());
    return response;
  });
  EXPECT_EQ(CheckCpcParameters(StoredCase("cpc_params_c4_t16_s1"), other).outcome, Outcome::kFailed);
}

}  // namespace
}  // namespace lossd::cli
