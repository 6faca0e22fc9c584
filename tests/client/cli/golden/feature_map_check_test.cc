// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <string>
#include <vector>

#include "client/cli/golden/feature_map_call.h"
#include "client/cli/golden/task_checks.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/golden/fake_client.h"

namespace lossd::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// What the reference answered.
client::ComputeResponse StoredAnswer(const GoldenCase& golden) {
  client::ComputeResponse response;
  response.outputs.push_back(StoredResult(golden, "losses.npy", "losses"));
  response.outputs.push_back(StoredResult(golden, "regularizer.npy", "regularizer"));
  response.objective = golden.json.at("expected").at("objective").at("values").at(0);
  const auto calls = FeatureMapCalls(golden);
  response.outputs.push_back(MakeIntegers("comparisons", {(*calls)[0].pairs.begin(), (*calls)[0].pairs.end()}));
  response.outputs.push_back(MakeIntegers("positions", (*calls)[0].positions->values));
  for (const auto& gradient : golden.json.at("expected").at("gradients")) {
    response.gradients.push_back(StoredResult(golden, gradient.at("file"), MapName(gradient.at("name"))));
  }
  return response;
}

Verdict Check(const GoldenCase& golden, Client& client) {
  return CheckFeatureMapCase(golden, DecisionFor(golden), client);
}

TEST(CheckFeatureMapCaseTest, PassesWhatIsStored) {
  for (const char* name : {"fm_doc_example", "fm_0r_r1_2maps", "fm_bf16_roundtrip", "fm_01_11_unidirectional"}) {
    const GoldenCase golden = StoredCase(name);
    FakeClient client([&](const client::ComputeRequest&) { return StoredAnswer(golden); });
    const Verdict verdict = Check(golden, client);
    EXPECT_EQ(verdict.outcome, Outcome::kPassed) << verdict.detail;
  }
}

TEST(CheckFeatureMapCaseTest, AsksWithPositionsSeedAndSixteenBits) {
  const GoldenCase golden = StoredCase("fm_fp16_roundtrip");
  FakeClient client([&](const client::ComputeRequest&) { return StoredAnswer(golden); });
  EXPECT_EQ(Check(golden, client).detail, "positions and seed; FLOAT16 inputs");
  EXPECT_THAT(client.requests, SizeIs(3));
}

TEST(CheckFeatureMapCaseTest, FailsOnAnyWrongPart) {
  const GoldenCase golden = StoredCase("fm_00_single");
  const std::vector<float> losses = {2.8f};
  FakeClient wrong_loss([&](const client::ComputeRequest&) {
    client::ComputeResponse response = StoredAnswer(golden);
    response.outputs[0] = MakeResult({"losses", DType::kFloat32, {1}}, losses.data());
    return response;
  });
  EXPECT_THAT(Check(golden, wrong_loss).detail, HasSubstr("losses[0]: expected 2.83373141"));
  FakeClient wrong_positions([&](const client::ComputeRequest&) {
    client::ComputeResponse response = StoredAnswer(golden);
    response.outputs[3] = MakeIntegers("positions", {0, 0, 0, 0, 0, 0});
    return response;
  });
  EXPECT_EQ(Check(golden, wrong_positions).outcome, Outcome::kFailed);
  int calls = 0;
  FakeClient other_bits([&](const client::ComputeRequest&) {
    client::ComputeResponse response = StoredAnswer(golden);
    response.objective += 1e-12 * calls++;
    return response;
  });
  EXPECT_THAT(Check(golden, other_bits).detail, HasSubstr("seeded sampling: expected the objective"));
}

TEST(CheckFeatureMapCaseTest, RefusalsCountOnlyWhereTheyAreAllowed) {
  FakeClient client([](const client::ComputeRequest&) { return absl::InvalidArgumentError("no"); });
  EXPECT_EQ(Check(StoredCase("fm_00_single"), client).outcome, Outcome::kFailed);
  EXPECT_EQ(Check(StoredCase("fm_err_b0"), client).outcome, Outcome::kRefused);
  EXPECT_EQ(Check(StoredCase("fm_tclip_neg10"), client).outcome, Outcome::kRefused);
  EXPECT_EQ(Check(StoredCase("fm_err_nonsquare_3x5"), client).outcome, Outcome::kFailed);
  EXPECT_EQ(Check(StoredCase("fm_overflow_1e20"), client).outcome, Outcome::kInformative);
}

TEST(CheckFeatureMapCaseTest, AnAnswerWhereARefusalIsDueFails) {
  FakeClient client([](const client::ComputeRequest&) { return client::ComputeResponse(); });
  EXPECT_EQ(Check(StoredCase("fm_err_01_single_map"), client).detail, "expected INVALID_ARGUMENT, got an answer");
}

TEST(CheckFeatureMapCaseTest, AnswersBeyondTheReferenceMustAgreeAmongThemselves) {
  const GoldenCase golden = StoredCase("fm_err_nonsquare_3x5");
  int calls = 0;
  const auto answer = [&](float step) {
    const float loss = 2 + step * static_cast<float>(calls++);
    client::ComputeResponse response;
    response.outputs.push_back(MakeResult({"losses", DType::kFloat32, {1}}, &loss));
    response.outputs.push_back(MakeIntegers("comparisons", {0, 0}));
    response.outputs.push_back(MakeIntegers("positions", {0, 1, 2, 3}));
    return response;
  };
  FakeClient steady([&](const client::ComputeRequest&) { return answer(0); });
  EXPECT_EQ(Check(golden, steady).outcome, Outcome::kPassed);
  FakeClient drifting([&](const client::ComputeRequest&) { return answer(0.5f); });
  EXPECT_THAT(Check(golden, drifting).detail, HasSubstr("losses of the maps as columns"));
}

}  // namespace
}  // namespace lossd::cli
