// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Moves batches to a device, lets it compute, and moves the results back.

#ifndef LOSSD_CORE_ENGINE_DEVICE_DEVICE_LANE_H_
#define LOSSD_CORE_ENGINE_DEVICE_DEVICE_LANE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/engine/device/device.h"
#include "core/engine/device/device_budget.h"
#include "core/engine/device/launch_counts.h"

namespace lossd {

// A piece of a request's region: where it lies on the host, where in the region, and how long it is. Host memory stays
// as it is, and where it is, until Run has returned.
struct RegionPiece {
  std::byte* host = nullptr;
  int64_t offset = 0;
  int64_t bytes = 0;
};

// A batch of requests with regions of equal size: one for what goes up, one for what comes down. A request whose
// tensors lie side by side on the host has one piece each way, and so costs one copy each way.
struct LaneBatch {
  struct Request {
    std::vector<RegionPiece> up;
    std::vector<RegionPiece> down;
  };
  std::vector<Request> requests;
  int64_t up_bytes = 0;         // Of a request.
  int64_t down_bytes = 0;       // Of a request.
  int64_t workspace_bytes = 0;  // Of the batch, that the computation takes from the device itself.
};

// Where a batch lies on the device: region r of `up` begins at up + r * up_stride. Addresses of the device's, which the
// host does not read; valid within `launch` and for what that appends.
struct DeviceRegions {
  std::byte* up = nullptr;
  std::byte* down = nullptr;
  int64_t up_stride = 0;
  int64_t down_stride = 0;
};

// What a lane has done since it was made, batches that failed left out but for their operations.
struct LaneStats {
  int64_t batches = 0;
  int64_t requests = 0;
  int64_t bytes_up = 0;
  int64_t bytes_down = 0;
  int64_t copies_up = 0;
  int64_t copies_down = 0;
  int64_t operations = 0;                                    // As AddOperations was told.
  std::array<absl::Duration, kDeviceStreamCount> busy = {};  // Of each stream, from a batch's first work to its last.
  int64_t held_bytes = 0;                                    // Device memory that the lane keeps for regions, now.
  int64_t reserved_bytes = 0;                                // Of the budget, now.
  int64_t limit_bytes = 0;
};

struct DeviceLaneOptions {
  // Batches on their way at a time: while one computes, another comes up or goes down. 1 to 8.
  int slots = 2;
  // Device memory for regions, those that lie idle between batches among them, and workspaces together. Positive.
  int64_t memory_bytes = 0;
  // Whether to tell profilers what goes on.
  bool ranges = false;
};

// The way of batches over one device. Thread-safe: each thread that calls Run drives a batch, and `slots` of them at a
// time. Three streams with events between them; the host waits for a batch once, at its end.
class DeviceLane {
 public:
  using Launch = absl::FunctionRef<absl::Status(const DeviceRegions&)>;
  // Is told why the device is lost.
  using LostListener = absl::AnyInvocable<void(const absl::Status&) &&>;

  // INVALID_ARGUMENT naming the option that is out of range; or why the device makes no events.
  static absl::StatusOr<std::unique_ptr<DeviceLane>> Create(std::unique_ptr<Device> device,
                                                            const DeviceLaneOptions& options);
  // No Run may be in progress.
  ~DeviceLane();

  // Waits for a slot and for memory, appends the uploads, calls `launch`, which appends to kCompute what reads and
  // writes the regions and must not wait for the device, appends the downloads, and returns when all of that has
  // happened. One `launch` is called at a time; it calls no Run. Whatever `launch` returns or throws, the regions are
  // free again when this returns or throws. Fails with
  //   RESOURCE_EXHAUSTED   the batch takes more than memory_bytes, or the device has no memory
  //   INTERNAL             the device is lost, now or before
  absl::Status Run(const LaneBatch& batch, Launch launch);

  // Device bytes that a batch takes.
  static int64_t DeviceBytes(const LaneBatch& batch);
  // As DeviceBudget::Check.
  absl::Status Check(int64_t bytes) const { return budget_.Check(bytes); }

  // OK, or why the device is lost: it stays so.
  absl::Status health() const ABSL_LOCKS_EXCLUDED(mu_);
  // Sets who is told; tells at once if the device is lost already. Called with no lock held. `listener` is not null.
  void SetLostListener(LostListener listener) ABSL_LOCKS_EXCLUDED(mu_);

  // Counts operations that launches have appended. How many those of a kind append, who launches keeps in the counts.
  void AddOperations(int64_t count) ABSL_LOCKS_EXCLUDED(mu_);
  LaunchCounts& launch_counts() { return launch_counts_; }
  LaneStats stats() const ABSL_LOCKS_EXCLUDED(mu_);
  int slots() const { return static_cast<int>(slots_.size()); }
  int64_t memory_bytes() const { return budget_.limit_bytes(); }
  Device& device() { return *device_; }

 private:
  struct Slot;
  class Lease;

  DeviceLane(std::unique_ptr<Device> device, const DeviceLaneOptions& options);
  absl::Status MakeSlots(int slots);
  bool HasFreeSlot() const ABSL_SHARED_LOCKS_REQUIRED(mu_) { return !free_slots_.empty(); }
  absl::StatusOr<DeviceRegions> PlaceRegions(Slot& slot, const LaneBatch& batch);
  std::optional<DeviceReservation> Fit(Slot& slot, int64_t bytes) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Grow(Slot& slot, int64_t bytes);
  void Drop(Slot& slot) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Append(Slot& slot, const LaneBatch& batch, Launch launch);
  absl::Status Compute(Slot& slot, const DeviceRegions& regions, Launch launch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(compute_mu_);
  absl::Status CopyUp(Slot& slot, const LaneBatch& batch, const DeviceRegions& regions) ABSL_LOCKS_EXCLUDED(upload_mu_);
  absl::Status CopyDown(Slot& slot, const LaneBatch& batch, const DeviceRegions& regions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(download_mu_);
  absl::Status Settle() ABSL_LOCKS_EXCLUDED(mu_);
  void Count(Slot& slot, const LaneBatch& batch) ABSL_LOCKS_EXCLUDED(mu_);

  const std::unique_ptr<Device> device_;
  const bool ranges_;
  DeviceBudget budget_;
  LaunchCounts launch_counts_;
  std::vector<std::unique_ptr<Slot>> slots_;

  // Held by the batch that appends to a stream, so that what a batch has there is in one piece: a wait of one batch
  // holds no other's work up that began before it, and times of batches do not overlap. Downloads are in the order of
  // computations.
  absl::Mutex upload_mu_;
  absl::Mutex compute_mu_;
  absl::Mutex download_mu_;

  mutable absl::Mutex mu_;
  std::vector<Slot*> free_slots_ ABSL_GUARDED_BY(mu_);
  absl::Status health_ ABSL_GUARDED_BY(mu_);
  LostListener lost_ ABSL_GUARDED_BY(mu_);
  LaneStats stats_ ABSL_GUARDED_BY(mu_);
};

// A lane for each of the devices, all with memory of the same size, because what is planned for one is computed on any:
// memory_bytes, or where that is 0, four fifths of what is free on the device that has the least. Fails as Create.
absl::StatusOr<std::vector<std::unique_ptr<DeviceLane>>> CreateLanes(std::vector<std::unique_ptr<Device>> devices,
                                                                     DeviceLaneOptions options);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_DEVICE_DEVICE_LANE_H_
