// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/losses/numerics/plain_cases.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <random>
#include <type_traits>
#include <variant>

#include "absl/strings/str_cat.h"
#include "tests/core/losses/numerics/search_cases.h"

namespace lossd::testing {
namespace {

template <typename Config>
void AddKnobs(const std::string& prefix, Config& config, std::vector<Knob>& knobs) {
  Config::Fields(config, [&](absl::string_view name, auto& field, absl::string_view) {
    using Field = std::decay_t<decltype(field)>;
    const std::string path = absl::StrCat(prefix, ".", name);
    if constexpr (std::is_same_v<Field, double> || std::is_same_v<Field, std::optional<double>>) {
      knobs.push_back({path, [&field](double value) { field = value; }});
    } else if constexpr (std::is_same_v<Field, std::vector<double>>) {
      knobs.push_back({path, [&field](double value) { field = {value}; }});
    } else if constexpr (std::is_same_v<Field, std::optional<FalseNegatives>>) {
      knobs.push_back({path + ".margin", [&field](double value) { field = FalseNegatives{.margin = value}; }});
    }
  });
}

// Whether a result can be NaN at all: the difference of two scores that are beyond the range.
bool HasDifferencesOfScores(const LossConfig& config) {
  return !std::holds_alternative<SigLipConfig>(config) && !std::holds_alternative<VicRegConfig>(config) &&
         !std::holds_alternative<BarlowTwinsConfig>(config) && !std::holds_alternative<SquaredNormConfig>(config);
}

// Compares numbers of one tensor.
struct Comparison {
  double allowed;
  double most;           // Numbers above may be infinite: their terms may have left the range on the way.
  bool may_be_infinite;  // All of them.
  bool may_be_nan;

  std::string ComplaintOf(const std::vector<double>& got, const std::vector<double>& exact) const {
    for (size_t i = 0; i < exact.size(); ++i) {
      if (IsRight(got[i], exact[i])) continue;
      return absl::StrCat("[", i, "] is ", got[i], ", exactly ", exact[i], ", allowed ", allowed);
    }
    return "";
  }

 private:
  bool IsRight(double got, double exact) const {
    if (std::isnan(got)) return may_be_nan;
    if (std::isinf(got)) return may_be_infinite || (std::abs(exact) > most && std::signbit(got) == std::signbit(exact));
    return std::isinf(allowed) || std::abs(got - exact) <= allowed;
  }
};

}  // namespace

std::vector<Knob> KnobsOf(ComputeSpec& request) {
  std::vector<Knob> knobs;
  std::visit(
      [&](auto& config) { AddKnobs(absl::StrCat("loss.", std::decay_t<decltype(config)>::kName), config, knobs); },
      request.loss);
  knobs.push_back({"gradients.scale", [&request](double value) { request.gradients.scale = value; }});
  return knobs;
}

TestCase PlainCase(size_t loss, int64_t rows, int64_t width, DType dtype) {
  TestCase test_case;
  test_case.request.loss = DefaultLossConfig(loss);
  Shape shape = {rows, width};
  if (auto* maps = std::get_if<FeatureMapContrastiveConfig>(&test_case.request.loss)) {
    shape = {rows, width, 2, 2};
    maps->comparisons = "00";
    maps->sampling = SamplingSeed{3, std::nullopt, 0, 0};
  } else if (std::holds_alternative<CpcConfig>(test_case.request.loss)) {
    shape = {2, width, std::clamp<int64_t>(rows, 3, 7), 4};
  }
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  for (const std::string& name : RequiredInputs(loss, false)) {
    TestInput& input = test_case.inputs.emplace_back(TestInput{name, shape, {}, dtype});
    for (int64_t i = 0; i < ElementCount(shape); ++i) input.values.push_back(normal(random));
  }
  for (const std::string& name : RequiredInputs(loss, true)) {
    TestInput& labels = test_case.inputs.emplace_back(TestInput{name, {rows}, {}, DType::kInt64});
    for (int64_t i = 0; i < rows; ++i) labels.values.push_back(static_cast<double>(i % 3));
  }
  return test_case;
}

std::string ComplaintOf(const TestCase& test_case, const TestResult& result, const ExactResult& exact) {
  constexpr double kFactor = 3;  // Rows and columns may be alike (docs/losses.md).
  if (!exact.is_decided) return "";
  const bool wide = test_case.inputs[0].dtype == DType::kFloat64;
  const double limit = wide ? std::numeric_limits<double>::max() : std::numeric_limits<float>::max();
  const double most = 1e-4 * limit;
  const double smallest = wide ? std::numeric_limits<double>::min() : std::numeric_limits<float>::min();
  const AccuracyBounds bounds = AccuracyBounds::Of(wide ? DType::kFloat64 : DType::kFloat32);
  const double kappa = exact.conditioning.kappa;
  const bool scores_leave = !(kappa < most) && HasDifferencesOfScores(test_case.request.loss);
  // The objective is a double whatever the type: one that is beyond it may be there.
  const double of_loss = bounds.relative * std::max(1.0, std::abs(exact.objective)) + bounds.rounding * kappa;
  const Comparison objective = {kFactor * of_loss, most, scores_leave || kappa > most, scores_leave};
  if (std::string text = objective.ComplaintOf({result.objective}, {exact.objective}); !text.empty()) {
    return "objective" + text;
  }
  for (size_t i = 0; i < exact.gradients.size(); ++i) {
    if (!result.gradients[i].buffer()) continue;
    const double magnitude = exact.conditioning.magnitude[i];
    double largest = 0;
    std::vector<double> expected = exact.gradients[i];
    for (double& g : expected) {
      if (std::abs(g) > limit) g = std::copysign(std::numeric_limits<double>::infinity(), g);
      if (std::isfinite(g)) largest = std::max(largest, std::abs(g));
    }
    const double relative = (wide ? 1 : 10) * bounds.relative;
    const double allowed =
        std::max({relative * largest, 4 * bounds.rounding * (8 + exact.gradient_kappa) * magnitude, smallest});
    const bool terms_leave = scores_leave || magnitude > most;
    const Comparison gradient = {kFactor * allowed, most, terms_leave, terms_leave};
    if (std::string text = gradient.ComplaintOf(result.gradient(i), expected); !text.empty()) {
      return absl::StrCat("gradient of ", test_case.inputs[i].name, text);
    }
  }
  return "";
}

}  // namespace lossd::testing
