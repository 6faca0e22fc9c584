// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/expectations.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/golden/fake_client.h"

namespace lossd::cli {
namespace {

using ::testing::HasSubstr;

class ExpectationsTest : public ::testing::Test {
 protected:
  ExpectationsTest() : golden_(StoredCase("nt_n2_d8_t0.5_norm")), expected_(golden_.json.at("expected")) {
    response_.outputs.push_back(StoredResult(golden_, "loss.npy", "loss"));
    response_.objective = response_.outputs[0].elements<float>()[0];
    for (const char* name : {"out_1", "out_2"}) {
      response_.gradients.push_back(StoredResult(golden_, std::string("grad_") + name + ".npy", name));
    }
  }
  std::string Problems() const {
    const Verdict verdict = findings_.Conclude(Outcome::kPassed);
    return verdict.outcome == Outcome::kPassed ? "" : verdict.detail;
  }
  void ExpectStoredGradients(const nlohmann::json& expectations) {
    ExpectGradients(
        golden_, expectations, [](const std::string& name) { return name; }, response_, findings_);
  }

  const GoldenCase golden_;
  const nlohmann::json expected_;
  client::ComputeResponse response_;
  Findings findings_;
};

TEST_F(ExpectationsTest, StoredValuesMatchThemselves) {
  ExpectObjective(golden_, expected_.at("loss"), response_, findings_);
  ExpectOutput(golden_, "loss", expected_.at("loss"), response_, findings_);
  ExpectStoredGradients(expected_.at("gradients"));
  EXPECT_EQ(Problems(), "");
}

TEST_F(ExpectationsTest, NamesWhatDiffersOrIsMissing) {
  response_.objective *= 1.001;
  response_.gradients.pop_back();
  ExpectObjective(golden_, expected_.at("loss"), response_, findings_);
  ExpectOutput(golden_, "step_losses", expected_.at("loss"), response_, findings_);
  ExpectStoredGradients(expected_.at("gradients"));
  EXPECT_THAT(Problems(), HasSubstr("objective[0]: expected 1.562"));
  EXPECT_THAT(Problems(), HasSubstr("step_losses: missing in the answer"));
  EXPECT_THAT(Problems(), HasSubstr("gradient out_2: missing in the answer"));
}

TEST_F(ExpectationsTest, APrefixMayBeShorterThanWhatIsStored) {
  const nlohmann::json stored = {{"file", "grad_out_1.npy"}};
  const float* const elements = response_.gradients[0].elements<float>().data();
  response_.outputs.push_back(MakeResult({"step_losses", DType::kFloat32, {3}}, elements));
  ExpectOutputPrefix(golden_, "step_losses", stored, response_, findings_);
  EXPECT_EQ(Problems(), "");
  ExpectOutput(golden_, "step_losses", stored, response_, findings_);
  EXPECT_THAT(Problems(), HasSubstr("expected 16 elements, got 3"));
}

TEST_F(ExpectationsTest, RoundingNoiseIsHeldAgainstZero) {
  auto noise = nlohmann::json::parse(R"([{"name": "out_1", "digest": {"sum": 123},
      "fp64_check": {"rounding_noise_only": true, "advice": {"rtol": 0.0001, "atol": 1e-8}}}])");
  const std::vector<float> small(16, 1e-9f), large(16, 1e-7f);
  response_.gradients[0] = MakeResult({"out_1", DType::kFloat32, {2, 8}}, small.data());
  ExpectStoredGradients(noise);
  EXPECT_EQ(Problems(), "");
  response_.gradients[0] = MakeResult({"out_1", DType::kFloat32, {2, 8}}, large.data());
  ExpectStoredGradients(noise);
  EXPECT_THAT(Problems(), HasSubstr("gradient out_1[0]: expected 0 within 1e-08"));
}

TEST_F(ExpectationsTest, SamplesAreComparedAtTheirStride) {
  const std::vector<float> whole = {9, 9, 5, 9, 9};
  response_.gradients[0] = MakeResult({"out_1", DType::kFloat32, {5}}, whole.data());
  const auto sampled = nlohmann::json::parse(
      R"([{"name": "out_1", "sample_file": "grad_out_1.npy", "sample_stride": 2, "sample_count": 16}])");
  ExpectStoredGradients(sampled);
  EXPECT_THAT(Problems(), HasSubstr("got 9 (16 of 16 elements differ)"));
}

}  // namespace
}  // namespace lossd::cli
