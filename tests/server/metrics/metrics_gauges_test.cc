// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/metrics_gauges.h"

#include <unistd.h>

#include <map>

#include "gtest/gtest.h"

namespace lossd {
namespace {

std::map<std::string, double> ProcessSnapshot() {
  std::map<std::string, double> values;
  for (const ScrapedValue& value : ProcessValues()) values[value.name] = value.read();
  return values;
}

TEST(ProcessValuesTest, SaysWhatTheSystemSaysOfThisProcess) {
  const auto values = ProcessSnapshot();
  EXPECT_GT(values.at("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(values.at("process_virtual_memory_bytes"), values.at("process_resident_memory_bytes"));
  EXPECT_GT(values.at("process_start_time_seconds"), 1.6e9);
  EXPECT_GE(values.at("process_threads"), 1);
  EXPECT_GE(values.at("process_cpu_seconds_total"), 0);
  EXPECT_GT(values.at("process_max_fds"), values.at("process_open_fds"));
}

TEST(ProcessValuesTest, AnOpenFileCounts) {
  const double before = ProcessSnapshot().at("process_open_fds");
  const int fd = dup(0);
  EXPECT_EQ(ProcessSnapshot().at("process_open_fds"), before + 1);
  close(fd);
}

TEST(ScrapedValuesTest, KeepTheirTypes) {
  const ScrapedValues values({{"a", "help", prometheus::MetricType::Counter, [] { return 2.0; }},
                              {"b", "help", prometheus::MetricType::Gauge, [] { return 3.0; }}});
  const auto families = values.Collect();
  ASSERT_EQ(families.size(), 2);
  EXPECT_EQ(families[0].metric[0].counter.value, 2);
  EXPECT_EQ(families[1].metric[0].gauge.value, 3);
}

}  // namespace
}  // namespace lossd
