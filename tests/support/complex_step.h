// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Oracles for losses that are written down as plain double loops, once, over a number type: evaluated in float64 they
// give the loss, and with a tiny imaginary part in one input the slope over it, exact to rounding (the complex step).
// So a loss's gradient is checked against its definition and nothing else.

#ifndef LOSSD_TESTS_SUPPORT_COMPLEX_STEP_H_
#define LOSSD_TESTS_SUPPORT_COMPLEX_STEP_H_

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/accuracy.h"
#include "tests/support/loss_runs.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {

using Complex = std::complex<double>;
// Values of every input, C order; integers too.
using ComplexInputs = std::vector<std::vector<Complex>>;

// A loss over a case's inputs as they are stored.
using NaiveLoss = std::function<Complex(const TestCase& test_case, const ComplexInputs& inputs)>;

inline Complex SoftplusOf(Complex z) {
  return z.real() > 0 ? z + std::log(1.0 + std::exp(-z)) : std::log(1.0 + std::exp(z));
}

// log of the sum of exp over all values; -inf for none.
inline Complex LogSumExp(const std::vector<Complex>& values) {
  if (values.empty()) return -std::numeric_limits<double>::infinity();
  double largest = values[0].real();
  for (const Complex& value : values) largest = std::max(largest, value.real());
  Complex sum = 0;
  for (const Complex& value : values) sum += std::exp(value - largest);
  return largest + std::log(sum);
}

// Rows [rows, width] of an input, divided by their norms if so wished.
inline std::vector<std::vector<Complex>> RowsOf(const std::vector<Complex>& values, size_t width, bool normalize) {
  std::vector<std::vector<Complex>> rows;
  for (size_t first = 0; first < values.size(); first += width) {
    std::vector<Complex>& row = rows.emplace_back(values.begin() + first, values.begin() + first + width);
    if (!normalize) continue;
    Complex squares = 0;
    for (const Complex& x : row) squares += x * x;
    const Complex norm = std::sqrt(squares);
    const Complex divisor = norm.real() < 1e-12 ? Complex(1e-12) : norm;
    for (Complex& x : row) x /= divisor;
  }
  return rows;
}

inline Complex Dot(const std::vector<Complex>& a, const std::vector<Complex>& b) {
  Complex sum = 0;
  for (size_t c = 0; c < a.size(); ++c) sum += a[c] * b[c];
  return sum;
}

inline ComplexInputs StoredInputs(const TestCase& test_case) {
  ComplexInputs stored;
  for (const TestInput& input : test_case.inputs) {
    std::vector<Complex>& values = stored.emplace_back();
    for (const double value : input.values) {
      values.push_back(input.dtype == DType::kFloat64 ? value : static_cast<double>(static_cast<float>(value)));
    }
  }
  return stored;
}

// The index of an input by name; the number of inputs where there is none.
inline size_t IndexOf(const TestCase& test_case, const std::string& name) {
  size_t i = 0;
  while (i < test_case.inputs.size() && test_case.inputs[i].name != name) ++i;
  return i;
}

// Elements of an input that are checked: all, or `most` drawn from it.
inline std::vector<size_t> ElementsToCheck(size_t count, size_t most, std::mt19937_64& random) {
  std::vector<size_t> elements(count);
  for (size_t i = 0; i < count; ++i) elements[i] = i;
  if (count <= most) return elements;
  std::shuffle(elements.begin(), elements.end(), random);
  elements.resize(most);
  return elements;
}

// Runs a case and compares loss and gradients with the naive loss. `kappa` is the largest score without cancellation.
// Gradients are held to the accuracy rule with `amplification` times their own largest entry in place of the gradient
// without cancellation, which is not below a tenth of a row's share. Returns the largest share of what is allowed.
inline double ExpectAgrees(const Loss& loss, const TestCase& test_case, const NaiveLoss& naive, double kappa,
                           double amplification = 1, size_t most_elements = 40) {
  const auto result = RunAlone(loss, test_case);
  EXPECT_OK(result);
  if (!result.ok()) return NAN;
  ComplexInputs inputs = StoredInputs(test_case);
  const bool wide = test_case.inputs[0].dtype == DType::kFloat64;
  const DType dtype = wide ? DType::kFloat64 : DType::kFloat32;
  double worst = LossErrorShare(result->objective, naive(test_case, inputs).real(), kappa, dtype);
  EXPECT_LE(worst, 1) << "loss " << result->objective << ", expected " << naive(test_case, inputs).real();
  const int64_t rows = test_case.inputs[0].shape[0];
  std::mt19937_64 random(1);
  constexpr double kStep = 1e-150;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!result->gradients[i].buffer()) continue;
    const std::vector<double> all = result->gradient(i);
    std::vector<double> got;
    std::vector<double> expected;
    double largest = 0;
    for (const double g : all) largest = std::max(largest, std::abs(g));
    for (const size_t e : ElementsToCheck(all.size(), most_elements, random)) {
      inputs[i][e] += Complex(0, kStep);
      expected.push_back(naive(test_case, inputs).imag() / kStep * test_case.request.gradients.scale);
      inputs[i][e] = inputs[i][e].real();
      got.push_back(all[e]);
    }
    const double floor = 0.1 * std::abs(test_case.request.gradients.scale) / static_cast<double>(rows);
    const double share = GradientErrorShare(got, expected, std::max(amplification * largest, floor), kappa, dtype);
    EXPECT_LE(share, 1) << test_case.inputs[i].name;
    worst = std::max(worst, share);
  }
  return worst;
}

// Normally distributed values.
inline std::vector<double> Normal(size_t count, std::mt19937_64& random, double deviation = 1) {
  std::normal_distribution<double> normal(0, deviation);
  std::vector<double> values(count);
  for (double& value : values) value = normal(random);
  return values;
}

inline TestInput NormalInput(std::string name, Shape shape, std::mt19937_64& random, DType dtype = DType::kFloat32,
                             double deviation = 1) {
  const auto count = static_cast<size_t>(ElementCount(shape));
  return {std::move(name), std::move(shape), Normal(count, random, deviation), dtype};
}

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_COMPLEX_STEP_H_
