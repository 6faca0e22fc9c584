// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/result_report.h"

#include <array>
#include <cmath>
#include <limits>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd::cli {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class ResultReportTest : public ::testing::Test {
 protected:
  ResultReportTest() {
    response_.objective = 2.5;
    const TensorSpec loss{"loss", DType::kFloat32, {}}, z{"z", DType::kFloat32, {3}};
    response_.outputs.emplace_back(loss, reinterpret_cast<std::byte*>(&loss_));
    response_.gradients.emplace_back(z, reinterpret_cast<std::byte*>(gradient_.data()));
  }

  std::string Printed() const {
    std::ostringstream out;
    PrintResult(response_, out);
    return out.str();
  }

  float loss_ = 2.5f;
  std::array<float, 3> gradient_ = {3, -4, std::numeric_limits<float>::quiet_NaN()};
  client::ComputeResponse response_;
};

TEST_F(ResultReportTest, ShowsObjectiveOutputsAndNorms) {
  EXPECT_THAT(Printed(), ContainsRegex("objective +2.5\n"));
  EXPECT_THAT(Printed(), ContainsRegex("loss +FLOAT32 +\\[\\] +2.5\n"));
  EXPECT_THAT(Printed(), ContainsRegex("z +FLOAT32 +\\[3\\] +5 +4 +1\n"));
  EXPECT_THAT(Printed(), Not(HasSubstr("not finite:")));
  EXPECT_THAT(Printed(), Not(HasSubstr("compute")));
}

TEST_F(ResultReportTest, ShowsWhatIsNotFiniteAndTiming) {
  response_.nonfinite = {"z", "loss"};
  response_.timing =
      client::Timing{absl::Microseconds(5), absl::ZeroDuration(), absl::Milliseconds(2), absl::Microseconds(1), 3};
  EXPECT_THAT(Printed(), HasSubstr("not finite: z, loss\n"));
  EXPECT_THAT(Printed(), HasSubstr("2ms (batch of 3)"));
}

TEST_F(ResultReportTest, ShowsIntegersAsIntegers) {
  std::array<int32_t, 2> comparisons = {0, -1};
  std::array<int64_t, 1> large = {(int64_t{1} << 53) + 1};
  const TensorSpec narrow{"comparisons", DType::kInt32, {1, 2}}, wide{"large", DType::kInt64, {1}};
  response_.outputs.emplace_back(narrow, reinterpret_cast<std::byte*>(comparisons.data()));
  response_.outputs.emplace_back(wide, reinterpret_cast<std::byte*>(large.data()));
  EXPECT_THAT(Printed(), ContainsRegex("comparisons +INT32 +\\[1, 2\\] +0 -1\n"));
  const std::string json = ResultToJson(response_)["outputs"].dump();
  EXPECT_THAT(json, HasSubstr("\"values\":[0,-1]"));
  EXPECT_THAT(json, HasSubstr("\"values\":[9007199254740993]"));
}

TEST_F(ResultReportTest, IsStrictJson) {
  response_.objective = -std::numeric_limits<double>::infinity();
  loss_ = std::numeric_limits<float>::quiet_NaN();
  response_.timing = client::Timing{};
  const nlohmann::json json = nlohmann::json::parse(ResultToJson(response_).dump());
  EXPECT_EQ(json["objective"], "-inf");
  EXPECT_EQ(json["outputs"]["loss"]["values"][0], "nan");
  EXPECT_EQ(json["gradients"]["z"]["l2"], 5.0);
  EXPECT_EQ(json["gradients"]["z"]["shape"], nlohmann::json({3}));
  EXPECT_EQ(json["timing"]["batch_requests"], 0);
}

}  // namespace
}  // namespace lossd::cli
