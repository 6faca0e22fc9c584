// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/metrics_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "prometheus/histogram.h"

namespace lossd {
namespace {

using Read = prometheus::ClientMetric::Histogram;

void ExpectSame(const Read& read, const Read& expected) {
  EXPECT_EQ(read.sample_count, expected.sample_count);
  EXPECT_EQ(read.sample_sum, expected.sample_sum);
  ASSERT_EQ(read.bucket.size(), expected.bucket.size());
  for (size_t i = 0; i < read.bucket.size(); ++i) {
    EXPECT_EQ(read.bucket[i].upper_bound, expected.bucket[i].upper_bound);
    EXPECT_EQ(read.bucket[i].cumulative_count, expected.bucket[i].cumulative_count) << "bucket " << i;
  }
}

// Of random bounds, in steps of a quarter, so that sums are exact and values often lie on a bound.
std::vector<double> RandomBounds(std::mt19937& random) {
  std::vector<double> bounds;
  double bound = -2;
  for (size_t i = random() % 12; i > 0; --i) bounds.push_back(bound += 0.25 * static_cast<double>(1 + random() % 4));
  return bounds;
}

TEST(BucketFinderTest, FindsTheFirstBoundThatIsNotBelow) {
  std::mt19937_64 random(1);
  const auto draw = [&random] {
    const double value =
        std::ldexp(static_cast<double>(random() % 4096) / 2048, static_cast<int>(random() % 200) - 100);
    return random() % 4 == 0 ? -value : value;
  };
  for (int round = 0; round < 500; ++round) {
    std::set<double> sorted;
    for (size_t i = random() % 30; i > 0; --i) sorted.insert(draw());
    const std::vector<double> bounds(sorted.begin(), sorted.end());
    const BucketFinder finder(bounds);
    std::vector<double> values = bounds;
    for (int i = 0; i < 100; ++i) values.push_back(draw());
    for (const double extreme : {0.0, -0.0, 5e-324, 1e308}) values.push_back(extreme);
    values.push_back(std::numeric_limits<double>::infinity());
    values.push_back(-std::numeric_limits<double>::infinity());
    for (const double value : values) {
      EXPECT_EQ(finder.Find(value), std::lower_bound(bounds.begin(), bounds.end(), value) - bounds.begin()) << value;
    }
  }
}

TEST(ShardedHistogramTest, SaysWhatPrometheusSays) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const std::vector<double> bounds = RandomBounds(random);
    ShardedHistogram histogram(bounds);
    prometheus::Histogram expected(bounds);
    for (size_t i = random() % 100; i > 0; --i) {
      const double value = 0.25 * static_cast<double>(random() % 60) - 5;
      histogram.Observe(value);
      expected.Observe(value);
    }
    ExpectSame(histogram.Read(), expected.Collect().histogram);
  }
}

TEST(ShardedHistogramTest, LosesNothingOfMoreThreadsThanShards) {
  constexpr int kThreads = 20;
  constexpr int kRounds = 2000;
  ShardedHistogram histogram({1, 2, 3});
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&histogram] {
      for (int round = 0; round < kRounds; ++round) histogram.Observe(round % 5);
    });
  }
  // What is read meanwhile is a histogram, too: counts that never fall, from bucket to bucket and from read to read.
  uint64_t count = 0;
  while (count < kThreads * kRounds) {
    const Read read = histogram.Read();
    EXPECT_GE(read.sample_count, count);
    for (size_t i = 1; i < read.bucket.size(); ++i) {
      EXPECT_GE(read.bucket[i].cumulative_count, read.bucket[i - 1].cumulative_count);
    }
    EXPECT_EQ(read.bucket.back().cumulative_count, read.sample_count);
    count = read.sample_count;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(histogram.Read().sample_sum, 2.0 * kThreads * kRounds);
  EXPECT_EQ(histogram.Read().bucket[0].cumulative_count, kThreads * kRounds * 2 / 5);
}

TEST(ShardedHistogramsTest, AreCollectedByFamily) {
  ShardedHistograms histograms;
  ShardedHistogram& first = histograms.Add("a", "Of a.", {{"side", "left"}}, std::vector<double>{1});
  histograms.Add("b", "Of b.", {}, std::vector<double>{1, 2});
  ShardedHistogram& second = histograms.Add("a", "Of a.", {{"side", "right"}}, std::vector<double>{1});
  first.Observe(0.5);
  second.Observe(3);
  second.Observe(4);
  const auto families = histograms.Collect();
  ASSERT_EQ(families.size(), 2);
  EXPECT_EQ(families[0].name, "a");
  EXPECT_EQ(families[0].help, "Of a.");
  EXPECT_EQ(families[0].type, prometheus::MetricType::Histogram);
  ASSERT_EQ(families[0].metric.size(), 2);
  EXPECT_EQ(families[0].metric[1].label[0].name, "side");
  EXPECT_EQ(families[0].metric[1].label[0].value, "right");
  EXPECT_EQ(families[0].metric[0].histogram.sample_sum, 0.5);
  EXPECT_EQ(families[0].metric[1].histogram.sample_sum, 7);
  EXPECT_TRUE(families[1].metric[0].label.empty());
  EXPECT_EQ(families[1].metric[0].histogram.bucket.size(), 3);
}

}  // namespace
}  // namespace lossd
