// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/check_case.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/golden/fake_client.h"

namespace lossd::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CheckCaseTest : public ::testing::Test {
 protected:
  FakeClient client_{[](const client::ComputeRequest&) { return absl::UnavailableError("not asked"); }};
};

TEST_F(CheckCaseTest, AnUnknownTaskFails) {
  const Verdict verdict = CheckCase({"", "x", "VicReg", "must_match", {}}, client_);
  EXPECT_EQ(verdict.outcome, Outcome::kFailed);
  EXPECT_EQ(verdict.detail, "task 'VicReg' is not known");
}

TEST_F(CheckCaseTest, AMalformedCaseFails) {
  for (const char* task : {"FeatureMapContrastiveTask", "CPCTask", "CPCTask parameters", "nt_xent_loss", "RNG",
                           "FeatureMapContrastiveTask.parse_map_indexes"}) {
    const Verdict verdict = CheckCase({"", "x", task, "must_match", nlohmann::json::object()}, client_);
    EXPECT_EQ(verdict.outcome, Outcome::kFailed) << task;
    EXPECT_THAT(verdict.detail, HasSubstr("malformed case.json")) << task;
  }
}

TEST_F(CheckCaseTest, WhatTheWireCannotSayIsNotSent) {
  EXPECT_EQ(CheckCase(StoredCase("fm_err_tuple_plus_list"), client_).outcome, Outcome::kSkipped);
  EXPECT_THAT(client_.requests, IsEmpty());
}

TEST_F(CheckCaseTest, AServerThatIsGoneFailsEveryKindOfCase) {
  for (const char* name : {"fm_00_single", "fm_err_b0", "fm_nan_input", "cpc_c4_b2_3x3_minimal", "cpc_err_h1",
                           "cpc_params_c4_t16_s1", "nt_n1_d8_t0.5", "nt_err_n0", "rng_protocol", "fm_parse_table"}) {
    const Verdict verdict = CheckCase(StoredCase(name), client_);
    EXPECT_EQ(verdict.outcome, Outcome::kFailed) << name;
    EXPECT_THAT(verdict.detail, HasSubstr("UNAVAILABLE")) << name;
  }
}

}  // namespace
}  // namespace lossd::cli
