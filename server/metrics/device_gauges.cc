// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/device_gauges.h"

#include <functional>
#include <string>
#include <utility>

#include "absl/time/time.h"

namespace lossd {
namespace {

using prometheus::MetricType;
using Labels = std::vector<prometheus::ClientMetric::Label>;
using Read = std::function<double(const DeviceState&)>;

constexpr const char* kStreams[kDeviceStreamCount] = {"upload", "compute", "download"};

// The values of one device.
class Values {
 public:
  Values(const LossBackend& backend, size_t index, std::vector<ScrapedValue>& values)
      : backend_(backend), index_(index), name_(backend.DeviceStates()[index].name), values_(values) {}

  void Add(const char* name, const char* help, MetricType type, Read read, Labels labels = {}) {
    labels.insert(labels.begin(), {"device", name_});
    values_.push_back(
        {name, help, type,
         [&backend = backend_, index = index_, read = std::move(read)] { return read(backend.DeviceStates()[index]); },
         std::move(labels)});
  }

  // A number that only grows.
  void Count(const char* name, const char* help, int64_t LaneStats::*member, Labels labels = {}) {
    Add(
        name, help, MetricType::Counter,
        [member](const DeviceState& device) { return static_cast<double>(device.lane.*member); }, std::move(labels));
  }

  void Gauge(const char* name, const char* help, int64_t LaneStats::*member) {
    Add(name, help, MetricType::Gauge,
        [member](const DeviceState& device) { return static_cast<double>(device.lane.*member); });
  }

 private:
  const LossBackend& backend_;
  const size_t index_;
  const std::string name_;
  std::vector<ScrapedValue>& values_;
};

void AddDevice(Values values) {
  values.Add("lossd_device_healthy", "1 while the device is of use, 0 once it is lost.", MetricType::Gauge,
             [](const DeviceState& device) { return device.health.ok() ? 1.0 : 0.0; });
  values.Gauge("lossd_device_reserved_bytes", "Device memory that running batches have reserved.",
               &LaneStats::reserved_bytes);
  values.Gauge("lossd_device_held_bytes", "Device memory kept for inputs and results.", &LaneStats::held_bytes);
  values.Gauge("lossd_device_limit_bytes", "Device memory that computations may take (--device_memory_bytes).",
               &LaneStats::limit_bytes);
  values.Count("lossd_device_batches_total", "Batches computed.", &LaneStats::batches);
  values.Count("lossd_device_requests_total", "Requests computed.", &LaneStats::requests);
  values.Count("lossd_device_operations_total", "Operations appended for them.", &LaneStats::operations);
  constexpr char kBytes[] = "lossd_device_copied_bytes_total";
  constexpr char kBytesHelp[] = "Bytes copied to the device and back.";
  values.Count(kBytes, kBytesHelp, &LaneStats::bytes_up, {{"direction", "up"}});
  values.Count(kBytes, kBytesHelp, &LaneStats::bytes_down, {{"direction", "down"}});
  constexpr char kCopies[] = "lossd_device_copies_total";
  constexpr char kCopiesHelp[] = "Copies to the device and back.";
  values.Count(kCopies, kCopiesHelp, &LaneStats::copies_up, {{"direction", "up"}});
  values.Count(kCopies, kCopiesHelp, &LaneStats::copies_down, {{"direction", "down"}});
  for (size_t stream = 0; stream < kDeviceStreamCount; ++stream) {
    values.Add("lossd_device_busy_seconds_total", "Time that a stream of the device had work of a batch.",
               MetricType::Counter,
               [stream](const DeviceState& device) { return absl::ToDoubleSeconds(device.lane.busy[stream]); },
               {{"stream", kStreams[stream]}});
  }
}

}  // namespace

std::vector<ScrapedValue> DeviceValues(const LossBackend& backend) {
  std::vector<ScrapedValue> values;
  const size_t devices = backend.DeviceStates().size();
  for (size_t index = 0; index < devices; ++index) AddDevice(Values(backend, index, values));
  return values;
}

}  // namespace lossd
