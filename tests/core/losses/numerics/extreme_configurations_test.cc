// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Every real number of every loss's configuration, and the scale of its gradients, at the ends of what a double can be,
// beside ordinary inputs: an error that names the field, or the value. Infinities and NaN come of it only where scores,
// results or their terms are beyond what the type holds.

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/losses/numerics/device_losses.h"
#include "tests/core/losses/numerics/plain_cases.h"

namespace lossd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Double = std::numeric_limits<double>;

constexpr double kExtremes[] = {0,
                                -0.0,
                                Double::denorm_min(),
                                1e-310,
                                Double::min(),
                                1e-300,
                                1e-160,
                                1e-45,
                                1e-39,
                                1e-20,
                                1e20,
                                1e39,
                                1e160,
                                1e300,
                                Double::max(),
                                Double::infinity(),
                                Double::quiet_NaN()};

class ExtremeConfigurationsTest : public ::testing::TestWithParam<size_t> {
 protected:
  static const Loss& LossOf(const TestCase& test_case) { return DeviceLosses().For(test_case.request.loss); }

  static void Check(const TestCase& test_case, const Knob& knob, double value, const std::string& text) {
    const auto result = RunAlone(LossOf(test_case), test_case);
    // Nothing is taken for another number: no factor of scores stands for such a divisor.
    const bool is_refused = absl::EndsWith(knob.name, ".temperature") && !std::isfinite(1 / value);
    EXPECT_FALSE(is_refused && result.ok()) << text;
    if (!result.ok()) {
      EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << text;
      EXPECT_THAT(result.status().message(), AllOf(HasSubstr(knob.name), HasSubstr("expected"))) << text;
      return;
    }
    if (const auto* cpc = std::get_if<CpcConfig>(&test_case.request.loss)) {
      // Its network has no exact answer here; values are ordinary where its scale is.
      const bool wide = test_case.inputs[0].dtype == DType::kFloat64;
      const double most = 1e-4 * (wide ? Double::max() : static_cast<double>(std::numeric_limits<float>::max()));
      if (std::abs(cpc->embed_scale) < most) ExpectFinite(*result, test_case, text);
      return;
    }
    const ExactResult exact = ExactlyInExtended(LossOf(test_case), test_case, *result);
    EXPECT_EQ(ComplaintOf(test_case, *result, exact), "") << text;
  }

  static void ExpectFinite(const TestResult& result, const TestCase& test_case, const std::string& text) {
    EXPECT_TRUE(std::isfinite(result.objective)) << text << ": " << result.objective;
    for (size_t i = 0; i < test_case.inputs.size(); ++i) {
      if (!result.gradients[i].buffer()) continue;
      for (const double g : result.gradient(i)) ASSERT_TRUE(std::isfinite(g)) << text << ": gradient " << i;
    }
  }
};

TEST_P(ExtremeConfigurationsTest, GiveANumberOrAnErrorThatNamesThem) {
  const size_t loss = GetParam();
  for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
    for (const bool many : {false, true}) {
      TestCase sample = PlainCase(loss, many ? 70 : 5, many ? 16 : 6, dtype);
      const size_t knobs = KnobsOf(sample.request).size();
      for (size_t knob = 0; knob < knobs; ++knob) {
        for (const double extreme : kExtremes) {
          for (const double value : {extreme, -extreme}) {
            // The scale of gradients is refused where they cannot hold it, before a loss sees it (planner_test).
            const bool narrow = dtype == DType::kFloat32;
            if (knob + 1 == knobs && !(std::abs(value) < (narrow ? 1e38 : 1e307))) continue;
            TestCase test_case = sample;
            const Knob chosen = KnobsOf(test_case.request)[knob];
            chosen.set(value);
            Check(test_case, chosen, value,
                  absl::StrFormat("%s %s, %s = %g", DTypeName(dtype), many ? "many" : "few", chosen.name, value));
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Losses, ExtremeConfigurationsTest, ::testing::Range(size_t{0}, kLossCount),
                         [](const auto& loss) { return std::string(kLossNames[loss.param]); });

}  // namespace
}  // namespace lossd::testing
