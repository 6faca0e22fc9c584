// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/histogram.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace lossd::load {
namespace {

// Nanoseconds over nine orders of magnitude.
std::vector<int64_t> RandomValues(size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> exponent(0, 9);
  std::vector<int64_t> values;
  for (size_t i = 0; i < count; ++i) values.push_back(static_cast<int64_t>(std::pow(10, exponent(random))));
  return values;
}

// By sorting: the smallest value that at least `share` of all do not exceed.
int64_t ExactPercentile(std::vector<int64_t> values, double share) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::max<size_t>(rank, 1) - 1];
}

TEST(HistogramTest, PercentilesAreThoseOfASortedListToThreeDigits) {
  for (const size_t count : {1u, 2u, 10u, 1000u, 100000u}) {
    const std::vector<int64_t> values = RandomValues(count, count);
    Histogram histogram;
    for (const int64_t value : values) histogram.Add(absl::Nanoseconds(value));
    for (const double share : {0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
      const auto exact = static_cast<double>(ExactPercentile(values, share));
      const auto got = static_cast<double>(absl::ToInt64Nanoseconds(histogram.Percentile(share)));
      EXPECT_GE(got, exact) << count << " values, share " << share;
      EXPECT_LE(got, exact * 1.001) << count << " values, share " << share;
    }
  }
}

TEST(HistogramTest, CountExtremesAndMeanAreExact) {
  const std::vector<int64_t> values = RandomValues(1000, 7);
  Histogram histogram;
  double sum = 0;
  for (const int64_t value : values) {
    histogram.Add(absl::Nanoseconds(value));
    sum += static_cast<double>(value);
  }
  EXPECT_EQ(histogram.count(), 1000);
  EXPECT_EQ(histogram.Minimum(), absl::Nanoseconds(*std::min_element(values.begin(), values.end())));
  EXPECT_EQ(histogram.Maximum(), absl::Nanoseconds(*std::max_element(values.begin(), values.end())));
  EXPECT_NEAR(absl::ToDoubleNanoseconds(histogram.Mean()), sum / 1000, 1);
}

TEST(HistogramTest, MergingEqualsCountingTogether) {
  Histogram first, second, together;
  for (const int64_t value : RandomValues(5000, 1)) {
    first.Add(absl::Nanoseconds(value));
    together.Add(absl::Nanoseconds(value));
  }
  for (const int64_t value : RandomValues(3000, 2)) {
    second.Add(absl::Nanoseconds(value));
    together.Add(absl::Nanoseconds(value));
  }
  first.Merge(second);
  first.Merge(Histogram());
  EXPECT_EQ(first.count(), together.count());
  EXPECT_EQ(first.Minimum(), together.Minimum());
  EXPECT_EQ(first.Maximum(), together.Maximum());
  for (const double share : {0.01, 0.5, 0.99, 1.0}) EXPECT_EQ(first.Percentile(share), together.Percentile(share));
}

TEST(HistogramTest, EmptyAndExtremeValuesAreBorne) {
  Histogram histogram;
  EXPECT_EQ(histogram.Percentile(0.5), absl::ZeroDuration());
  EXPECT_EQ(histogram.Mean(), absl::ZeroDuration());
  histogram.Add(-absl::Seconds(1));
  EXPECT_EQ(histogram.Percentile(1), absl::ZeroDuration());
  histogram.Add(absl::Hours(100));
  EXPECT_EQ(histogram.Maximum(), absl::Hours(100));
  EXPECT_GT(histogram.Percentile(1), absl::Minutes(70));
  EXPECT_EQ(histogram.count(), 2);
}

}  // namespace
}  // namespace lossd::load
