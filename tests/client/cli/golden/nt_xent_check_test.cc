// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <string>
#include <variant>

#include "client/cli/golden/task_checks.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/golden/fake_client.h"

namespace lossd::cli {
namespace {

using ::testing::HasSubstr;

client::ComputeResponse StoredAnswer(const GoldenCase& golden) {
  client::ComputeResponse response;
  response.outputs.push_back(StoredResult(golden, "loss.npy", "loss"));
  response.objective = Number(golden.json.at("expected").at("loss").at("values").at(0));
  for (const char* name : {"out_1", "out_2"}) {
    response.gradients.push_back(StoredResult(golden, std::string("grad_") + name + ".npy", name));
  }
  return response;
}

Verdict Check(const GoldenCase& golden, Client& client) { return CheckNtXentCase(golden, DecisionFor(golden), client); }

TEST(CheckNtXentCaseTest, PassesWhatIsStored) {
  for (const char* name : {"nt_n16_d128_t0.07_norm", "nt_n2_d8_t0.5_fp64", "nt_n1_d8_t0.5", "nt_n2_d8_tneg0.5"}) {
    const GoldenCase golden = StoredCase(name);
    FakeClient client([&](const client::ComputeRequest&) { return StoredAnswer(golden); });
    const Verdict verdict = Check(golden, client);
    EXPECT_EQ(verdict.outcome, Outcome::kPassed) << verdict.detail;
    EXPECT_EQ(std::get<client::NtXent>(client.requests.at(0).loss).temperature,
              Number(golden.json.at("params").at("temperature")));
  }
}

TEST(CheckNtXentCaseTest, RefusalsCountOnlyWhereTheyAreAllowed) {
  FakeClient client([](const client::ComputeRequest&) { return absl::InvalidArgumentError("no"); });
  EXPECT_EQ(Check(StoredCase("nt_err_1d"), client).outcome, Outcome::kRefused);
  EXPECT_EQ(Check(StoredCase("nt_n2_d8_tneg0.5"), client).outcome, Outcome::kRefused);
  EXPECT_EQ(Check(StoredCase("nt_n2_d8_t0"), client).outcome, Outcome::kInformative);
  EXPECT_EQ(Check(StoredCase("nt_n2_d8_t0.5_norm"), client).outcome, Outcome::kFailed);
}

TEST(CheckNtXentCaseTest, AReliableLossCountsWhereGradientsDoNot) {
  const GoldenCase golden = StoredCase("nt_n16_d5_t0.02_norm_underflow");
  client::ComputeResponse response = StoredAnswer(golden);
  response.gradients.clear();
  FakeClient client([&](const client::ComputeRequest&) { return response; });
  const Verdict verdict = Check(golden, client);
  EXPECT_EQ(verdict.outcome, Outcome::kInformative);
  EXPECT_THAT(verdict.detail, HasSubstr("the loss agrees; gradient out_1: missing"));
  response.objective += 1;
  EXPECT_EQ(Check(golden, client).outcome, Outcome::kFailed);
}

}  // namespace
}  // namespace lossd::cli
