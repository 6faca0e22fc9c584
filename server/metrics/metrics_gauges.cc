// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/metrics_gauges.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "server/process/system_files.h"

namespace lossd {
namespace {

using prometheus::MetricType;

// Field `index` of /proc/self/stat counted from the state, which is field 3 of proc(5); the command before it may hold
// blanks.
double StatField(size_t index) {
  const std::string text = FileTextOrEmpty("/proc/self/stat");
  const size_t command_end = text.rfind(')');
  if (command_end == std::string::npos) return 0;
  const std::vector<absl::string_view> fields = absl::StrSplit(absl::string_view(text).substr(command_end + 2), ' ');
  double value = 0;
  const size_t place = index - 3;
  return place < fields.size() && absl::SimpleAtod(fields[place], &value) ? value : 0;
}

double TicksPerSecond() { return static_cast<double>(sysconf(_SC_CLK_TCK)); }

double CpuSeconds() { return (StatField(14) + StatField(15)) / TicksPerSecond(); }
double VirtualBytes() { return StatField(23); }
double ResidentBytes() { return StatField(24) * static_cast<double>(sysconf(_SC_PAGESIZE)); }
double ThreadCount() { return StatField(20); }

double StartTime() {
  const std::string text = FileTextOrEmpty("/proc/stat");
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    double boot = 0;
    if (line.substr(0, 6) == "btime " && absl::SimpleAtod(line.substr(6), &boot)) {
      return boot + StatField(22) / TicksPerSecond();
    }
  }
  return 0;
}

double OpenFileCount() { return static_cast<double>(OpenFiles().size()); }

double MaxFiles() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

}  // namespace

ScrapedValues::ScrapedValues(std::vector<ScrapedValue> values) : values_(std::move(values)) {}

std::vector<prometheus::MetricFamily> ScrapedValues::Collect() const {
  std::vector<prometheus::MetricFamily> families;
  for (const ScrapedValue& value : values_) {
    prometheus::ClientMetric metric;
    metric.label = value.labels;
    if (value.type == MetricType::Counter) {
      metric.counter.value = value.read();
    } else {
      metric.gauge.value = value.read();
    }
    const auto family = std::find_if(families.begin(), families.end(),
                                     [&](const prometheus::MetricFamily& other) { return other.name == value.name; });
    if (family != families.end()) {
      family->metric.push_back(metric);
    } else {
      families.push_back({value.name, value.help, value.type, {metric}});
    }
  }
  return families;
}

std::vector<ScrapedValue> ProcessValues() {
  return {
      {"process_cpu_seconds_total", "Processor time used, user and system.", MetricType::Counter, CpuSeconds},
      {"process_resident_memory_bytes", "Resident memory.", MetricType::Gauge, ResidentBytes},
      {"process_virtual_memory_bytes", "Virtual memory.", MetricType::Gauge, VirtualBytes},
      {"process_start_time_seconds", "Start time, in seconds since 1970.", MetricType::Gauge, StartTime},
      {"process_open_fds", "Open file descriptors.", MetricType::Gauge, OpenFileCount},
      {"process_max_fds", "Limit of open file descriptors.", MetricType::Gauge, MaxFiles},
      {"process_threads", "Threads.", MetricType::Gauge, ThreadCount},
  };
}

}  // namespace lossd
