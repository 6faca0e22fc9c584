// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/metrics_counter.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace lossd {
namespace {

TEST(ShardedCounterTest, LosesNothingOfMoreThreadsThanShards) {
  constexpr int kThreads = 20;
  constexpr int kRounds = 5000;
  ShardedCounter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&counter] {
      for (int round = 0; round < kRounds; ++round) counter.Add(1 + round % 2);
    });
  }
  int64_t count = 0;
  while (count < kThreads * kRounds * 3 / 2) {
    const int64_t read = counter.Read();
    EXPECT_GE(read, count);
    count = read;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.Read(), kThreads * kRounds * 3 / 2);
}

TEST(ShardedCountersTest, AreCollectedByFamily) {
  ShardedCounters counters;
  ShardedCounter& first = counters.Add("a", "Of a.", {{"side", "left"}});
  counters.Add("b", "Of b.", {});
  ShardedCounter& second = counters.Add("a", "Of a.", {{"side", "right"}});
  first.Add();
  second.Add(41);
  second.Add();
  const auto families = counters.Collect();
  ASSERT_EQ(families.size(), 2);
  EXPECT_EQ(families[0].name, "a");
  EXPECT_EQ(families[0].help, "Of a.");
  EXPECT_EQ(families[0].type, prometheus::MetricType::Counter);
  ASSERT_EQ(families[0].metric.size(), 2);
  EXPECT_EQ(families[0].metric[0].counter.value, 1);
  EXPECT_EQ(families[0].metric[1].label[0].name, "side");
  EXPECT_EQ(families[0].metric[1].label[0].value, "right");
  EXPECT_EQ(families[0].metric[1].counter.value, 42);
  EXPECT_TRUE(families[1].metric[0].label.empty());
}

}  // namespace
}  // namespace lossd
