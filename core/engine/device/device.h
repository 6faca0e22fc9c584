// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A device with memory and streams of its own, as far as moving tensors to it and back needs one.

#ifndef LOSSD_CORE_ENGINE_DEVICE_DEVICE_H_
#define LOSSD_CORE_ENGINE_DEVICE_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/tensor/memory_source.h"

namespace lossd {

// Queues of a device. Work of one queue runs in order; that of different ones runs at any time, unless it waits.
enum class DeviceStream { kUpload, kCompute, kDownload };
inline constexpr int kDeviceStreamCount = 3;

// A point in a stream's work. Made by a device, recorded and waited for on that device only, and outlived by it.
class DeviceEvent {
 public:
  virtual ~DeviceEvent() = default;
};

// A device. Thread-safe. Nothing but Synchronize* and Allocate waits for the device. Fails with
//   RESOURCE_EXHAUSTED   the device has no memory
//   DATA_LOSS            the device is of no use any more, nor any later call: a failed launch, broken memory
class Device {
 public:
  virtual ~Device() = default;

  // Bytes of its memory that nobody uses, and all.
  virtual int64_t free_bytes() const = 0;
  virtual int64_t total_bytes() const = 0;

  // Memory of this machine that the device copies from and to by itself. Outlives the device.
  virtual std::shared_ptr<MemorySource> host_memory() = 0;

  // Memory of the device, aligned to kBufferAlignment; given back by Free, when no stream uses it any more.
  virtual absl::StatusOr<std::byte*> Allocate(int64_t bytes) = 0;
  virtual void Free(std::byte* memory) = 0;

  // Gives the device back what the library that computes numbers keeps of its memory though nothing lies in it. May
  // take long, and wait for the device.
  virtual void FreeUnused() = 0;

  // The stream kCompute as the library that computes numbers it; of no meaning where none does.
  virtual int64_t compute_stream() const = 0;

  // Append a copy to kUpload and kDownload. `host` lies in host_memory() and stays as it is until the copy was made;
  // other memory is copied all the same, but the caller waits then.
  virtual absl::Status CopyUp(std::byte* device, const std::byte* host, int64_t bytes) = 0;
  virtual absl::Status CopyDown(std::byte* host, const std::byte* device, int64_t bytes) = 0;

  virtual absl::StatusOr<std::unique_ptr<DeviceEvent>> MakeEvent() = 0;
  // The event is now the end of what `stream` has to do so far.
  virtual absl::Status Record(DeviceStream stream, DeviceEvent& event) = 0;
  // What is appended to `stream` from now on runs after the event.
  virtual absl::Status Wait(DeviceStream stream, DeviceEvent& event) = 0;
  // Returns after the event. Sleeps meanwhile, and does not poll.
  virtual absl::Status Synchronize(DeviceEvent& event) = 0;
  // Returns when no stream has anything to do. Tells whether the device is still of use.
  virtual absl::Status SynchronizeAll() = 0;
  // Time from one event to another, both past.
  virtual absl::Duration Elapsed(DeviceEvent& from, DeviceEvent& to) = 0;

  // Brackets what the calling thread does, for profilers. `name` is a literal.
  virtual void BeginRange(const char* name) = 0;
  virtual void EndRange() = 0;
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_DEVICE_DEVICE_H_
