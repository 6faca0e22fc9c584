// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/gemm_precision.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "core/engine/gemm.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hwy/targets.h"

namespace lossd {
namespace {

constexpr GemmPrecision kBf16 = GemmPrecision::kBf16;

// The nearest bfloat16, ties to even.
float Rounded(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const uint32_t below = bits & 0xFFFF;
  bits -= below;
  if (below > 0x8000 || (below == 0x8000 && (bits & 0x10000) != 0)) bits += 0x10000;
  std::memcpy(&value, &bits, sizeof(bits));
  return value;
}

std::vector<float> Rounded(std::vector<float> values) {
  for (float& value : values) value = Rounded(value);
  return values;
}

std::vector<float> RandomElements(int64_t count, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> elements(static_cast<size_t>(count));
  for (float& element : elements) element = normal(random);
  return elements;
}

// Runs a test once for each target that this machine supports.
class GemmPrecisionTest : public ::testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }

  std::mt19937 random_{3};
};

INSTANTIATE_TEST_SUITE_P(Targets, GemmPrecisionTest, ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& target) { return hwy::TargetName(target.param); });

struct Shape {
  int64_t m, n, k;
};

// The product in `precision` of matrices that are stored transposed or not.
std::vector<float> Product(GemmPrecision precision, const Shape& shape, const std::vector<float>& a, bool a_transposed,
                           const std::vector<float>& b, bool b_transposed, std::vector<float> c) {
  const auto left =
      a_transposed ? MatrixView<float>::Transposed(a.data(), shape.m) : MatrixView<float>::RowMajor(a.data(), shape.k);
  const auto right =
      b_transposed ? MatrixView<float>::Transposed(b.data(), shape.k) : MatrixView<float>::RowMajor(b.data(), shape.n);
  Gemm(shape.m, shape.n, shape.k, 0.75f, left, right, true, c.data(), shape.n, precision);
  return c;
}

TEST_P(GemmPrecisionTest, ProductIsThatOfRoundedOperandsBitForBit) {
  for (const Shape& shape : std::vector<Shape>{{1, 1, 1},
                                               {3, 5, 2},
                                               {12, 32, 7},
                                               {13, 33, 255},
                                               {25, 65, 257},
                                               {7, 130, 513},
                                               {400, 70, 31},
                                               {30, 1100, 3},
                                               {61, 40, 700}}) {
    const std::vector<float> a = RandomElements(shape.m * shape.k, random_);
    const std::vector<float> b = RandomElements(shape.k * shape.n, random_);
    const std::vector<float> c = RandomElements(shape.m * shape.n, random_);
    for (const bool a_transposed : {false, true}) {
      for (const bool b_transposed : {false, true}) {
        EXPECT_EQ(Product(kBf16, shape, a, a_transposed, b, b_transposed, c),
                  Product(GemmPrecision::kFloat32, shape, Rounded(a), a_transposed, Rounded(b), b_transposed, c))
            << shape.m << " x " << shape.n << " x " << shape.k << (a_transposed ? ", A transposed" : "")
            << (b_transposed ? ", B transposed" : "");
      }
    }
  }
}

TEST_P(GemmPrecisionTest, FeatureMapsInBlocksAreRoundedToo) {
  const int64_t rows = 30, images = 5, channels = 17, positions = 49;
  const Shape shape = {rows, images * positions, channels};
  const std::vector<float> sources = RandomElements(rows * channels, random_);
  const std::vector<float> maps = RandomElements(images * channels * positions, random_);
  const auto scores = [&](GemmPrecision precision, const std::vector<float>& s, const std::vector<float>& t) {
    std::vector<float> c(static_cast<size_t>(shape.m * shape.n));
    Gemm(shape.m, shape.n, shape.k, 1.0f, MatrixView<float>::RowMajor(s.data(), channels),
         FeatureMaps(t.data(), channels, positions), false, BlockedResult<float>(c.data(), shape.n), precision);
    return c;
  };
  EXPECT_EQ(scores(kBf16, sources, maps), scores(GemmPrecision::kFloat32, Rounded(sources), Rounded(maps)));
}

TEST_P(GemmPrecisionTest, PackedColumnsAndTheirSlicesGiveTheSameBits) {
  const Shape shape = {61, 150, 701};
  const std::vector<float> a = RandomElements(shape.m * shape.k, random_);
  const std::vector<float> b = RandomElements(shape.k * shape.n, random_);
  std::vector<float> whole(static_cast<size_t>(shape.m * shape.n));
  const auto left = MatrixView<float>::RowMajor(a.data(), shape.k);
  const auto right = MatrixView<float>::RowMajor(b.data(), shape.n);
  Gemm(shape.m, shape.n, shape.k, 1.0f, left, right, false, whole.data(), shape.n, kBf16);

  std::vector<float> column_memory(static_cast<size_t>(PackedColumnsSize(shape.k, shape.n)));
  const auto columns = PackColumns(shape.k, shape.n, right, 0, shape.n, column_memory.data(), kBf16);
  const auto lower = MatrixView<float>::RowMajor(a.data() + 36 * shape.k, shape.k);
  std::vector<float> cut(whole.size());
  for (int64_t j = 0; j < shape.n; j += 64) {
    const int64_t count = std::min<int64_t>(64, shape.n - j);
    Gemm(36, count, shape.k, 1.0f, left, columns.Slice(j, count), false, BlockedResult<float>(cut.data() + j, shape.n),
         kBf16);
    Gemm(shape.m - 36, count, shape.k, 1.0f, lower, columns.Slice(j, count), false,
         BlockedResult<float>(cut.data() + 36 * shape.n + j, shape.n), kBf16);
  }
  EXPECT_EQ(cut, whole);
}

TEST_P(GemmPrecisionTest, DoublesAreNotRounded) {
  const double a = 1 + 0x1p-30, b = 1 - 0x1p-29;
  double c = 0;
  Gemm(1, 1, 1, 1.0, MatrixView<double>::RowMajor(&a, 1), MatrixView<double>::RowMajor(&b, 1), false, &c, 1, kBf16);
  EXPECT_EQ(c, a * b);
}

TEST_P(GemmPrecisionTest, NanAndInfinityStayWhatTheyAre) {
  const float infinity = std::numeric_limits<float>::infinity();
  // A NaN that rounding would carry over into the sign.
  const uint32_t bits = 0x7FFFFFFF;
  float nan;
  std::memcpy(&nan, &bits, sizeof(nan));
  const std::vector<float> a = {nan, infinity, -infinity, std::numeric_limits<float>::max(), 1.00390625f};
  const float one = 1;
  std::vector<float> c(a.size());
  Gemm(5, 1, 1, 1.0f, MatrixView<float>::RowMajor(a.data(), 1), MatrixView<float>::RowMajor(&one, 1), false, c.data(),
       1, kBf16);
  EXPECT_TRUE(std::isnan(c[0]));
  EXPECT_THAT(std::vector<float>(c.begin() + 1, c.end()), ::testing::ElementsAre(infinity, -infinity, infinity, 1.0f));
}

TEST(GemmPrecision, IsFloat32UnlessAskedFor) {
  const float third = 1.0f / 3;
  float c = 0;
  Gemm(1, 1, 1, 1.0f, MatrixView<float>::RowMajor(&third, 1), MatrixView<float>::RowMajor(&third, 1), false, &c, 1);
  EXPECT_EQ(c, third * third);
}

TEST(GemmPrecision, NoProcessorIsFasterInBf16ThatLacksIt) { EXPECT_LE(Bf16ProductsAreFaster(), HasBf16Products()); }

}  // namespace
}  // namespace lossd
