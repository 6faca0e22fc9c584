// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/gemm.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"

namespace lossd {
namespace {

// Memory whose last element is the last that may be touched; sanitizers see the rest.
template <typename T>
std::vector<T> RandomElements(int64_t count, std::mt19937_64& random) {
  std::uniform_real_distribution<T> uniform(-1, 1);
  std::vector<T> elements(static_cast<size_t>(count));
  for (T& element : elements) element = uniform(random);
  return elements;
}

// Where the elements of a matrix lie.
struct Layout {
  Axis rows;
  Axis columns;
};

// Elements from the first to the last along both axes.
int64_t Span(const Axis& rows, int64_t row_count, const Axis& columns, int64_t column_count) {
  int64_t last = 0;
  for (int64_t i = 0; i < row_count; ++i) last = std::max(last, rows.Offset(i));
  int64_t last_column = 0;
  for (int64_t j = 0; j < column_count; ++j) last_column = std::max(last_column, columns.Offset(j));
  return row_count * column_count == 0 ? 1 : last + last_column + 1;
}

// Checks every element of alpha * A B + (accumulate ? former : 0) against long double arithmetic: each of k
// multiply-adds and a few roundings more may err by an ulp of the sum of magnitudes.
template <typename T>
void ExpectProduct(int64_t m, int64_t n, int64_t k, T alpha, const BlockedView<T>& a, const BlockedView<T>& b,
                   bool accumulate, const std::vector<T>& former, const BlockedResult<T>& c) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const int64_t at = c.rows.Offset(i) + c.columns.Offset(j);
      long double sum = 0;
      long double magnitude = 0;
      for (int64_t p = 0; p < k; ++p) {
        const long double term = static_cast<long double>(a.data[a.rows.Offset(i) + a.columns.Offset(p)]) *
                                 b.data[b.rows.Offset(p) + b.columns.Offset(j)] * alpha;
        sum += term;
        magnitude += std::abs(term);
      }
      const long double before = accumulate ? former[static_cast<size_t>(at)] : 0;
      const long double bound =
          std::numeric_limits<T>::epsilon() * ((static_cast<long double>(k) + 3) * magnitude + std::abs(before));
      ASSERT_LE(std::abs(c.data[at] - (sum + before)), bound) << "at " << i << ", " << j << " of " << m << " x " << n;
    }
  }
}

// Multiplies random matrices that lie in memory as told, and checks elements and what lies between them.
template <typename T>
void CheckLayout(int64_t m, int64_t n, int64_t k, const Layout& a_axes, const Layout& b_axes, const Layout& c_axes,
                 bool accumulate, std::mt19937_64& random) {
  SCOPED_TRACE(testing::Message() << m << " x " << n << " x " << k << (accumulate ? ", accumulating" : ""));
  const std::vector<T> a = RandomElements<T>(Span(a_axes.rows, m, a_axes.columns, k), random);
  const std::vector<T> b = RandomElements<T>(Span(b_axes.rows, k, b_axes.columns, n), random);
  const std::vector<T> former = RandomElements<T>(Span(c_axes.rows, m, c_axes.columns, n), random);
  std::vector<T> c = former;
  const BlockedView<T> left(a.data(), a_axes.rows, a_axes.columns);
  const BlockedView<T> right(b.data(), b_axes.rows, b_axes.columns);
  const BlockedResult<T> result(c.data(), c_axes.rows, c_axes.columns);
  const T alpha = static_cast<T>(0.75);
  Gemm(m, n, k, alpha, left, right, accumulate, result);
  ExpectProduct(m, n, k, alpha, left, right, accumulate, former, result);

  std::vector<bool> written(c.size(), false);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j)
      written[static_cast<size_t>(c_axes.rows.Offset(i) + c_axes.columns.Offset(j))] = true;
  }
  for (size_t i = 0; i < c.size(); ++i) {
    if (!written[i]) {
      ASSERT_EQ(c[i], former[i]) << "overwritten between elements, at " << i;
    }
  }
}

template <typename T>
void CheckPlainLayouts(int64_t m, int64_t n, int64_t k, std::mt19937_64& random) {
  const int64_t gap = static_cast<int64_t>(random() % 4);
  for (const bool a_transposed : {false, true}) {
    for (const bool b_transposed : {false, true}) {
      const Layout a_axes = {a_transposed ? Axis{1} : Axis{k + gap}, a_transposed ? Axis{m + gap} : Axis{1}};
      const Layout b_axes = {b_transposed ? Axis{1} : Axis{n + gap}, b_transposed ? Axis{k + gap} : Axis{1}};
      const Layout c_axes = {Axis{n + gap}, Axis{1}};
      CheckLayout<T>(m, n, k, a_axes, b_axes, c_axes, random() % 2 == 0, random);
    }
  }
}

// Runs a test once for each target that this machine supports.
class GemmTest : public ::testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }

  std::mt19937_64 random_{20};
};

INSTANTIATE_TEST_SUITE_P(Targets, GemmTest, ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& target) { return hwy::TargetName(target.param); });

TEST_P(GemmTest, MultipliesEverySmallShapeInEveryLayout) {
  for (const int64_t m : {0, 1, 2, 3, 5, 6, 7, 11, 12, 13, 25}) {
    for (const int64_t n : {0, 1, 3, 4, 8, 9, 15, 16, 17, 31, 32, 33, 49, 64, 65}) {
      for (const int64_t k : {0, 1, 2, 5, 17}) {
        CheckPlainLayouts<float>(m, n, k, random_);
        CheckPlainLayouts<double>(m, n, k, random_);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(GemmTest, MultipliesAcrossAllBlockEdges) {
  const int64_t shapes[][3] = {{13, 33, 255},  {12, 32, 256},  {13, 65, 257},  {7, 40, 513},   {400, 70, 30},
                               {385, 1030, 3}, {200, 131, 70}, {770, 1100, 2}, {193, 67, 260}, {1, 300, 300}};
  for (const auto& shape : shapes) {
    CheckPlainLayouts<float>(shape[0], shape[1], shape[2], random_);
    CheckPlainLayouts<double>(shape[0], shape[1], shape[2], random_);
    if (HasFatalFailure()) return;
  }
}

// The three products between sources and feature maps.
template <typename T>
void CheckFeatureMaps(int64_t rows, int64_t images, int64_t channels, int64_t positions, std::mt19937_64& random) {
  const Layout map_axes = {Axis{positions}, Axis{1, positions, channels * positions}};
  const Layout transposed_map_axes = {map_axes.columns, map_axes.rows};
  const int64_t all = images * positions;
  const Layout sources = {Axis{channels}, Axis{1}};
  const Layout transposed_sources = {Axis{1}, Axis{channels}};
  const Layout scores = {Axis{all}, Axis{1}};
  CheckLayout<T>(rows, all, channels, sources, map_axes, scores, false, random);
  CheckLayout<T>(rows, channels, all, scores, transposed_map_axes, sources, true, random);
  CheckLayout<T>(channels, all, rows, transposed_sources, scores, map_axes, true, random);
  CheckLayout<T>(all, rows, channels, transposed_map_axes, transposed_sources, Layout{Axis{rows}, Axis{1}}, false,
                 random);
}

TEST_P(GemmTest, ReadsAndWritesFeatureMapsInPlace) {
  for (const int64_t positions : {1, 4, 16, 25, 49, 130}) {
    CheckFeatureMaps<float>(7, 5, 13, positions, random_);
    CheckFeatureMaps<double>(17, 9, 6, positions, random_);
    CheckFeatureMaps<float>(40, 3, 270, positions, random_);
    if (HasFatalFailure()) return;
  }
}

TEST_P(GemmTest, TakesOverlappingWindowsAndBlocksOnAllAxes) {
  // 1x3 windows over channels-last rows of 7 positions and 8 channels; the result leaves gaps in rows and columns.
  const Layout windows = {Axis{8, 5, 56}, Axis{1, 24, 24}};
  const Layout weights = {Axis{40}, Axis{1, 6, 10}};
  const Layout result = {Axis{30, 5, 200}, Axis{1, 6, 8}};
  CheckLayout<float>(40, 22, 24, windows, weights, result, true, random_);
  CheckLayout<double>(40, 22, 24, windows, weights, result, false, random_);
  // Blocks along k on both sides.
  const Layout left = {Axis{3}, Axis{64, 9, 1000}};
  const Layout right = {Axis{1, 9, 500}, Axis{20}};
  CheckLayout<float>(21, 18, 31, left, right, Layout{Axis{18}, Axis{1}}, true, random_);
}

// Some columns of channels-last rows of 9 positions, from the middle of a row on: the rows of A and of C, and the steps
// of both operands in the product that makes a weight's gradient.
TEST_P(GemmTest, BeginsWithinABlock) {
  for (const int64_t first : {1, 4}) {
    const Layout from = {Axis{96, 5, 9 * 96, first}, Axis{1}};
    const Layout to = {Axis{70, 5, 9 * 70, first}, Axis{1}};
    for (const bool accumulate : {false, true}) {
      CheckLayout<float>(40, 70, 96, from, {Axis{70}, Axis{1}}, to, accumulate, random_);
      CheckLayout<double>(3, 7, 96, from, {Axis{7}, Axis{1}}, {Axis{7, 5, 63, first}, Axis{1}}, accumulate, random_);
      CheckLayout<float>(96, 70, 300, {from.columns, from.rows}, to, {Axis{70}, Axis{1}}, accumulate, random_);
    }
  }
}

// A product with all operands kept, for comparisons of bits.
template <typename T>
struct Problem {
  Problem(int64_t rows, int64_t columns, int64_t steps, std::mt19937_64& random)
      : m(rows), n(columns), k(steps), a(RandomElements<T>(m * k, random)), b(RandomElements<T>(k * n, random)) {}

  MatrixView<T> A() const { return MatrixView<T>::RowMajor(a.data(), k); }
  MatrixView<T> RowsOfA(int64_t first) const { return MatrixView<T>::RowMajor(a.data() + first * k, k); }
  MatrixView<T> B() const { return MatrixView<T>::RowMajor(b.data(), n); }
  std::vector<T> Whole() const {
    std::vector<T> c(static_cast<size_t>(m * n));
    Gemm(m, n, k, T{1} / 3, A(), B(), false, c.data(), n);
    return c;
  }

  int64_t m, n, k;
  std::vector<T> a, b;
};

template <typename T>
bool SameBits(const std::vector<T>& x, const std::vector<T>& y) {
  return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(T)) == 0;
}

template <typename T>
void ExpectSameBitsHoweverCut(std::mt19937_64& random) {
  const Problem<T> problem(61, 150, 700, random);
  const std::vector<T> whole = problem.Whole();
  for (const int64_t rows : {1, 5, 12, 30}) {
    for (const int64_t columns : {1, 16, 33, 64, 150}) {
      std::vector<T> c(whole.size());
      for (int64_t i = 0; i < problem.m; i += rows) {
        for (int64_t j = 0; j < problem.n; j += columns) {
          MatrixView<T> a = problem.A();
          MatrixView<T> b = problem.B();
          a.data += i * problem.k;
          b.data += j;
          Gemm(std::min(rows, problem.m - i), std::min(columns, problem.n - j), problem.k, T{1} / 3, a, b, false,
               c.data() + i * problem.n + j, problem.n);
        }
      }
      EXPECT_TRUE(SameBits(c, whole)) << "cut into " << rows << " x " << columns;
    }
  }
}

TEST_P(GemmTest, GivesTheSameBitsHoweverRowsAndColumnsAreCut) {
  ExpectSameBitsHoweverCut<float>(random_);
  ExpectSameBitsHoweverCut<double>(random_);
}

template <typename T>
void ExpectSameBitsFromTransposedMemory(std::mt19937_64& random) {
  const Problem<T> problem(37, 70, 300, random);
  std::vector<T> a(problem.a.size());
  std::vector<T> b(problem.b.size());
  for (int64_t p = 0; p < problem.k; ++p) {
    for (int64_t i = 0; i < problem.m; ++i) {
      a[static_cast<size_t>(p * problem.m + i)] = problem.a[static_cast<size_t>(i * problem.k + p)];
    }
    for (int64_t j = 0; j < problem.n; ++j) {
      b[static_cast<size_t>(j * problem.k + p)] = problem.b[static_cast<size_t>(p * problem.n + j)];
    }
  }
  std::vector<T> c(static_cast<size_t>(problem.m * problem.n));
  Gemm(problem.m, problem.n, problem.k, T{1} / 3, MatrixView<T>::Transposed(a.data(), problem.m),
       MatrixView<T>::Transposed(b.data(), problem.k), false, c.data(), problem.n);
  EXPECT_TRUE(SameBits(c, problem.Whole()));
}

TEST_P(GemmTest, GivesTheSameBitsWhateverTheStrides) {
  ExpectSameBitsFromTransposedMemory<float>(random_);
  ExpectSameBitsFromTransposedMemory<double>(random_);
}

template <typename T>
void ExpectSameBitsFromPackedColumns(std::mt19937_64& random) {
  const Problem<T> problem(61, 150, 700, random);
  std::vector<T> column_memory(static_cast<size_t>(PackedColumnsSize(problem.k, problem.n)));
  PackColumns(problem.k, problem.n, problem.B(), 64, problem.n, column_memory.data());
  const PackedColumns<T> b = PackColumns(problem.k, problem.n, problem.B(), 0, 64, column_memory.data());

  std::vector<T> c(static_cast<size_t>(problem.m * problem.n));
  Gemm(problem.m, problem.n, problem.k, T{1} / 3, problem.A(), b, false, BlockedResult<T>(c.data(), problem.n));
  EXPECT_TRUE(SameBits(c, problem.Whole()));

  std::vector<T> cut(c.size());
  for (int64_t i = 0; i < problem.m; i += 36) {
    for (int64_t j = 0; j < problem.n; j += 64) {
      const int64_t rows = std::min<int64_t>(36, problem.m - i);
      const int64_t columns = std::min<int64_t>(64, problem.n - j);
      Gemm(rows, columns, problem.k, T{1} / 3, problem.RowsOfA(i), b.Slice(j, columns), false,
           BlockedResult<T>(cut.data() + i * problem.n + j, problem.n));
    }
  }
  EXPECT_TRUE(SameBits(cut, problem.Whole()));
}

TEST_P(GemmTest, GivesTheSameBitsFromPackedColumnsAndTheirSlices) {
  ExpectSameBitsFromPackedColumns<float>(random_);
  ExpectSameBitsFromPackedColumns<double>(random_);
}

TEST_P(GemmTest, SetsToZeroWithoutTermsUnlessAccumulating) {
  std::vector<float> c(12, 7.0f);
  Gemm(3, 4, 0, 1.0f, MatrixView<float>::RowMajor(nullptr, 0), MatrixView<float>::RowMajor(nullptr, 4), true, c.data(),
       4);
  EXPECT_THAT(c, ::testing::Each(7.0f));
  Gemm(3, 4, 0, 1.0f, MatrixView<float>::RowMajor(nullptr, 0), MatrixView<float>::RowMajor(nullptr, 4), false, c.data(),
       4);
  EXPECT_THAT(c, ::testing::Each(0.0f));
}

TEST_P(GemmTest, DoesNotReadAResultThatItSets) {
  std::vector<float> c(9, std::numeric_limits<float>::quiet_NaN());
  const std::vector<float> ones(9, 1.0f);
  Gemm(3, 3, 3, 1.0f, MatrixView<float>::RowMajor(ones.data(), 3), MatrixView<float>::RowMajor(ones.data(), 3), false,
       c.data(), 3);
  EXPECT_THAT(c, ::testing::Each(3.0f));
}

TEST_P(GemmTest, KeepsNanAndInfinityInTheirRowsAndColumns) {
  std::vector<float> a(4, 1.0f);
  const std::vector<float> b(10, 1.0f);
  a[1] = std::numeric_limits<float>::infinity();
  std::vector<float> c(10);
  Gemm(2, 5, 2, 1.0f, MatrixView<float>::RowMajor(a.data(), 2), MatrixView<float>::RowMajor(b.data(), 5), false,
       c.data(), 5);
  for (int j = 0; j < 5; ++j) {
    EXPECT_EQ(c[static_cast<size_t>(j)], std::numeric_limits<float>::infinity());
    EXPECT_EQ(c[static_cast<size_t>(5 + j)], 2.0f);
  }
}

}  // namespace
}  // namespace lossd
