// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/devices_backend.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <deque>
#include <utility>

namespace lossd {
namespace {

class DevicesBackend final : public LossBackend {
 public:
  explicit DevicesBackend(std::vector<std::unique_ptr<LossBackend>> devices) {
    for (std::unique_ptr<LossBackend>& device : devices) devices_.emplace_back(std::move(device), devices_.size());
    SetDeviceListener([](const std::string&, const absl::Status&) {});
  }

  absl::StatusOr<std::shared_ptr<const Plan>> Prepare(ComputeSpec request) const override {
    return devices_.front().backend->Prepare(std::move(request));
  }

  void Submit(ComputeTask task) override {
    Device& device = LeastLoaded();
    const int64_t bytes = task.plan->bytes;
    device.bytes.fetch_add(bytes, std::memory_order_relaxed);
    task.done = [&device, bytes, done = std::move(task.done)](absl::StatusOr<ComputeResult> result) mutable {
      device.bytes.fetch_sub(bytes, std::memory_order_relaxed);
      if (result.ok()) result->device = device.index;
      std::move(done)(std::move(result));
    };
    device.backend->Submit(std::move(task));
  }

  BufferPool& pool() override { return devices_.front().backend->pool(); }
  std::vector<LossDescription> Losses() const override { return devices_.front().backend->Losses(); }

  std::vector<DeviceDescription> Devices() const override {
    std::vector<DeviceDescription> all;
    for (const Device& device : devices_) {
      for (DeviceDescription& one : device.backend->Devices()) all.push_back(std::move(one));
    }
    return all;
  }

  QueueDepth queue_depth() const override {
    QueueDepth sum;
    for (const Device& device : devices_) {
      const QueueDepth depth = device.backend->queue_depth();
      sum.requests += depth.requests;
      sum.bytes += depth.bytes;
    }
    return sum;
  }

  std::vector<DeviceState> DeviceStates() const override {
    std::vector<DeviceState> all;
    for (const Device& device : devices_) {
      for (DeviceState& state : device.backend->DeviceStates()) all.push_back(std::move(state));
    }
    return all;
  }

  void SetDeviceListener(DeviceListener listener) override {
    for (Device& device : devices_) {
      device.backend->SetDeviceListener([&device, listener](const std::string& name, const absl::Status& reason) {
        device.lost.store(true, std::memory_order_relaxed);
        listener(name, reason);
      });
    }
  }

  void StopGathering() override {
    for (const Device& device : devices_) device.backend->StopGathering();
  }

  void Drain() override {
    for (const Device& device : devices_) device.backend->Drain();
  }

 private:
  struct Device {
    Device(std::unique_ptr<LossBackend> made, size_t number) : index(number), backend(std::move(made)) {}

    const size_t index;
    std::atomic<bool> lost = false;
    std::atomic<int64_t> bytes = 0;  // Of tasks that are not answered yet. Destroyed after the back end, which drains.
    std::unique_ptr<LossBackend> backend;
  };

  // Two calls at once may choose the same: the next sees it.
  Device& LeastLoaded() {
    return *std::min_element(devices_.begin(), devices_.end(), [](const Device& a, const Device& b) {
      const bool a_lost = a.lost.load(std::memory_order_relaxed);
      if (a_lost != b.lost.load(std::memory_order_relaxed)) return !a_lost;
      return a.bytes.load(std::memory_order_relaxed) < b.bytes.load(std::memory_order_relaxed);
    });
  }

  std::deque<Device> devices_;  // Do not move.
};

}  // namespace

std::unique_ptr<LossBackend> CreateDevicesBackend(std::vector<std::unique_ptr<LossBackend>> devices) {
  return std::make_unique<DevicesBackend>(std::move(devices));
}

}  // namespace lossd
