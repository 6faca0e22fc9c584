// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Inputs of every loss from the smallest to the largest numbers of their type, of one row, two and many, of one column
// and more, with every flag of the configuration either way: results are right, or infinite where they or their terms
// are beyond the range of the type. And such inputs beside a scale, a temperature or a weight that makes up for them.

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
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
#include "tests/support/sanitizers.h"

namespace lossd::testing {
namespace {

using ::testing::HasSubstr;

const std::vector<double>& SizesOf(DType dtype) {
  static const std::vector<double> narrow = {1e-45, 1e-39, 1e-38, 1e-30, 1e-19, 1e-12, 1e-3,
                                             1,     1e3,   1e9,   1e18,  1e20,  1e30,  1e37};
  static const std::vector<double> wide = {5e-324, 1e-310, 1e-307, 1e-200, 1e-154, 1e-100, 1e-12, 1,
                                           1e12,   1e50,   1e100,  1e150,  1e155,  1e160,  1e200, 1e307};
  return dtype == DType::kFloat64 ? wide : narrow;
}

// What the rows of a request look like.
enum class Kind { kAny, kEqual, kOneAlone, kNothing };
constexpr std::pair<Kind, const char*> kKinds[] = {
    {Kind::kAny, "any"}, {Kind::kEqual, "equal"}, {Kind::kOneAlone, "one large row"}, {Kind::kNothing, "a zero row"}};

void Resize(double size, Kind kind, TestCase& test_case) {
  const double most = test_case.inputs[0].dtype == DType::kFloat64 ? std::numeric_limits<double>::max()
                                                                   : std::numeric_limits<float>::max();
  for (TestInput& input : test_case.inputs) {
    if (!IsFloating(input.dtype)) continue;
    const auto row = input.values.size() / static_cast<size_t>(input.shape[0]);
    for (size_t i = 0; i < input.values.size(); ++i) {
      double& value = input.values[i];
      if (kind == Kind::kEqual) value = 1;
      if (kind != Kind::kOneAlone || i < row) value *= size;
      if (kind == Kind::kNothing && i < row) value = 0;
      value = std::clamp(value, -most, most);
    }
  }
}

// Whether a loss's terms are made of scores of rows, which are multiplied once.
bool IsOfRows(const LossConfig& config) {
  return !std::holds_alternative<FeatureMapContrastiveConfig>(config) &&
         !std::holds_alternative<VicRegConfig>(config) && !std::holds_alternative<BarlowTwinsConfig>(config);
}

class ExtremeInputsTest : public ::testing::TestWithParam<size_t> {
 protected:
  static void Check(const TestCase& test_case, const std::string& text) {
    const Loss& loss = DeviceLosses().For(test_case.request.loss);
    const auto result = RunAlone(loss, test_case);
    if (!result.ok()) {
      EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << text;
      EXPECT_THAT(result.status().message(), HasSubstr("expected")) << text;
      return;
    }
    EXPECT_EQ(ComplaintOf(test_case, *result, ExactlyInExtended(loss, test_case, *result)), "") << text;
  }

  // Calls body(request, its flags in words) with each flag of the configuration either way, the others by default.
  static void ForFlags(const TestCase& plain, const std::function<void(TestCase, const std::string&)>& body) {
    body(plain, "");
    int flags = 0;
    const auto turn = [&](LossConfig& config, int which) {
      std::string turned;
      flags = 0;
      std::visit(
          [&](auto& one) {
            std::decay_t<decltype(one)>::Fields(one, [&](absl::string_view name, auto& field, absl::string_view) {
              if constexpr (std::is_same_v<std::decay_t<decltype(field)>, bool>) {
                if (flags++ != which) return;
                field = !field;
                turned = absl::StrFormat(", %s = %d", name, field);
              }
            });
          },
          config);
      return turned;
    };
    LossConfig counted = plain.request.loss;
    turn(counted, -1);
    for (int which = 0, count = flags; which < count; ++which) {
      TestCase turned = plain;
      const std::string text = turn(turned.request.loss, which);
      body(std::move(turned), text);
    }
  }
};

TEST_P(ExtremeInputsTest, OfAnySizeGiveWhatIsRight) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
    for (const auto& [rows, width] : {std::pair(1, 1), {1, 6}, {2, 1}, {2, 6}, {5, 1}, {5, 6}, {70, 16}}) {
      for (const double size : SizesOf(dtype)) {
        for (const auto& [kind, kind_text] : kKinds) {
          if (rows > 5 && (kSanitized || kind == Kind::kNothing)) continue;
          TestCase plain = PlainCase(GetParam(), rows, width, dtype);
          Resize(size, kind, plain);
          const std::string text =
              absl::StrFormat("%s [%d, %d], %s, times %g", DTypeName(dtype), rows, width, kind_text, size);
          ForFlags(plain, [&](const TestCase& test_case, const std::string& flags) {
            Check(test_case, absl::StrCat(text, flags));
          });
        }
      }
    }
  }
}

TEST_P(ExtremeInputsTest, BesideNumbersThatMakeUpForThemGiveWhatIsRight) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
    const bool wide = dtype == DType::kFloat64;
    for (const auto& [rows, width] : {std::pair(2, 6), {70, 16}}) {
      for (const double size : wide ? std::vector{1e-150, 1e70} : std::vector{1e-19, 1e18}) {
        // Nothing makes up for squares that are below the range.
        if (size < 1 && !IsOfRows(DefaultLossConfig(GetParam()))) continue;
        for (const double value : {1e-300, 1e-160, 1e-46, 1e-36, 1e-20, 1e20, 1e36, 1e46, 1e160, 1e300}) {
          TestCase sample = PlainCase(GetParam(), rows, width, dtype);
          const size_t knobs = KnobsOf(sample.request).size();
          for (size_t knob = 0; knob < knobs; ++knob) {
            // The scale of gradients is refused where they cannot hold it, before a loss sees it (planner_test).
            if (knob + 1 == knobs && !wide && value > 1e38) continue;
            TestCase test_case = sample;
            Resize(size, Kind::kAny, test_case);
            const Knob chosen = KnobsOf(test_case.request)[knob];
            if (absl::EndsWith(chosen.name, ".tclip") && value < 0.5) continue;  // docs/losses.md
            chosen.set(value);
            Check(test_case, absl::StrFormat("%s [%d, %d], times %g, %s = %g", DTypeName(dtype), rows, width, size,
                                             chosen.name, value));
          }
        }
      }
    }
  }
}

std::vector<size_t> ExactLosses() {
  std::vector<size_t> losses;
  for (size_t loss = 0; loss < kLossCount; ++loss) {
    if (loss != LossConfig(CpcConfig()).index()) losses.push_back(loss);  // Its network has no exact answer.
  }
  return losses;
}

INSTANTIATE_TEST_SUITE_P(Losses, ExtremeInputsTest, ::testing::ValuesIn(ExactLosses()),
                         [](const auto& loss) { return std::string(kLossNames[loss.param]); });

}  // namespace
}  // namespace lossd::testing
