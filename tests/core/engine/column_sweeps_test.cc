// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/column_sweeps.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace lossd {
namespace {

// Instruction sets differ in the roundings of products that are added.
template <typename T>
void ExpectNear(const std::vector<T>& got, const std::vector<T>& want) {
  const double tolerance = sizeof(T) == sizeof(float) ? 1e-6 : 1e-13;
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], want[i], tolerance * (1 + std::abs(static_cast<double>(want[i])))) << i;
  }
}

// Runs at the begin, in the middle and at the end of a row, of whole vectors and of parts of one.
constexpr ColumnRun kRuns[] = {{1, 1, 0, 1},     {3, 5, 1, 3},    {7, 33, 0, 33},
                               {40, 64, 32, 32}, {9, 70, 32, 32}, {5, 70, 64, 6}};

template <typename T>
class ColumnSweepsTest : public ::testing::Test {
 protected:
  std::vector<T> Elements(const ColumnRun& run) { return Normal<T>(run.rows * run.width); }
  std::vector<double> Numbers(const ColumnRun& run) { return Normal<double>(run.width); }

  // `sums` with what `term(index of an element, its column)` gives added, row after row.
  static std::vector<double> Added(const ColumnRun& run, std::vector<double> sums,
                                   const std::function<double(size_t, size_t)>& term) {
    ForElements(run, [&](size_t i, size_t d) { sums[d] += term(i, d); });
    return sums;
  }

  // `elements` with those of the run replaced.
  static std::vector<T> Replaced(const ColumnRun& run, std::vector<T> elements,
                                 const std::function<double(size_t, size_t)>& value) {
    ForElements(run, [&](size_t i, size_t d) { elements[i] = static_cast<T>(value(i, d)); });
    return elements;
  }

 private:
  template <typename Body>
  static void ForElements(const ColumnRun& run, const Body& body) {
    for (int64_t n = 0; n < run.rows; ++n) {
      for (int64_t d = run.first; d < run.first + run.count; ++d) {
        body(static_cast<size_t>(n * run.width + d), static_cast<size_t>(d));
      }
    }
  }

  template <typename U>
  std::vector<U> Normal(int64_t count) {
    std::normal_distribution<double> normal(1, 3);
    std::vector<U> numbers(static_cast<size_t>(count));
    for (U& number : numbers) number = static_cast<U>(normal(engine_));
    return numbers;
  }

  std::mt19937 engine_{1};
};

using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ColumnSweepsTest, Types);

TYPED_TEST(ColumnSweepsTest, SumsAreThoseOfPlainLoops) {
  for (const ColumnRun& run : kRuns) {
    const std::vector<TypeParam> x = this->Elements(run);
    const std::vector<TypeParam> y = this->Elements(run);
    const std::vector<double> begun = this->Numbers(run);
    const std::vector<double> means = this->Numbers(run);
    const std::vector<double> remainders = this->Numbers(run);
    const std::vector<double> inverses = this->Numbers(run);
    const CentredColumns<TypeParam> centred = {x.data(), means.data(), remainders.data(), inverses.data()};
    const auto plain = [&](size_t i, size_t) { return static_cast<double>(x[i]); };
    const auto standardised = [&](size_t i, size_t d) { return (x[i] - means[d] - remainders[d]) * inverses[d]; };

    std::vector<double> sums = begun;
    AddToSums(run, CentredColumns<TypeParam>{x.data()}, sums.data());
    ExpectNear(sums, this->Added(run, begun, plain));
    sums = begun;
    AddSquaresToSums(run, centred, sums.data());
    ExpectNear(sums,
               this->Added(run, begun, [&](size_t i, size_t d) { return standardised(i, d) * standardised(i, d); }));
    sums = begun;
    AddDistancesToSums(run, centred, CentredColumns<TypeParam>{y.data(), means.data()}, sums.data());
    ExpectNear(sums, this->Added(run, begun, [&](size_t i, size_t d) {
      const double apart = standardised(i, d) - (y[i] - means[d]);
      return apart * apart;
    }));
    sums = begun;
    AddProductsToSums(run, centred, y.data(), sums.data());
    ExpectNear(sums, this->Added(run, begun, [&](size_t i, size_t d) { return y[i] * standardised(i, d); }));
  }
}

TYPED_TEST(ColumnSweepsTest, WritesRunsAndNothingBesideThem) {
  for (const ColumnRun& run : kRuns) {
    const std::vector<TypeParam> x = this->Elements(run);
    const std::vector<TypeParam> y = this->Elements(run);
    const std::vector<TypeParam> begun = this->Elements(run);
    const std::vector<double> means = this->Numbers(run);
    const std::vector<double> alongs = this->Numbers(run);
    const std::vector<double> factors = this->Numbers(run);
    const CentredColumns<TypeParam> centred = {x.data(), means.data()};

    std::vector<TypeParam> written = begun;
    WriteColumns(run, centred, written.data());
    ExpectNear(written, this->Replaced(run, begun, [&](size_t i, size_t d) { return x[i] - means[d]; }));
    written = begun;
    ProjectGradient(run, centred, {means.data(), alongs.data(), factors.data()}, written.data());
    ExpectNear(written, this->Replaced(run, begun, [&](size_t i, size_t d) {
      return (begun[i] - means[d] - (x[i] - means[d]) * alongs[d]) * factors[d];
    }));
    written = begun;
    FinishCovarianceGradient(run, centred, {2, alongs.data(), 3, y.data(), 5}, written.data());
    ExpectNear(written, this->Replaced(run, begun, [&](size_t i, size_t d) {
      const double distance = 3 * (static_cast<double>(x[i]) - static_cast<double>(y[i]));
      return (2.0 * begun[i] + alongs[d] * (x[i] - means[d]) + distance) * 5;
    }));
  }
}

TYPED_TEST(ColumnSweepsTest, TermsOfNoWeightAreNotFormed) {
  const ColumnRun run = {2, 3, 0, 3};
  const std::vector<TypeParam> x = this->Elements(run);
  const std::vector<TypeParam> nans(x.size(), std::numeric_limits<TypeParam>::quiet_NaN());
  std::vector<TypeParam> gradient = nans;
  FinishCovarianceGradient(run, CentredColumns<TypeParam>{x.data()}, {0, nullptr, 0, nans.data(), 1}, gradient.data());
  EXPECT_EQ(gradient, std::vector<TypeParam>(x.size(), 0));
}

TYPED_TEST(ColumnSweepsTest, SumsSquares) {
  for (const int64_t count : {int64_t{1}, int64_t{8}, int64_t{1003}}) {
    const std::vector<TypeParam> x = this->Elements({1, count, 0, count});
    double sums[8] = {};
    for (size_t i = 0; i < x.size(); ++i) sums[i % 8] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    EXPECT_DOUBLE_EQ(SumOfSquares(count, x.data()),
                     ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7])));
  }
}

}  // namespace
}  // namespace lossd
