// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/device/device_lane.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/engine/rounding.h"
#include "core/status/status_macros.h"
#include "core/tensor/buffer_pool.h"

namespace lossd {
namespace {

constexpr int kMostSlots = 8;

// What is allocated for regions of so many bytes: at most an eighth more, so that batches that grow by a request each
// are given new memory a few times only.
int64_t Allotted(int64_t bytes) {
  int64_t step = static_cast<int64_t>(kBufferAlignment);
  while (step * 16 <= bytes) step *= 2;
  return RoundedUp(bytes, step);
}

int64_t RegionBytes(const LaneBatch& batch) {
  return static_cast<int64_t>(batch.requests.size()) * (AlignedSize(batch.up_bytes) + AlignedSize(batch.down_bytes));
}

absl::Status CheckOptions(const DeviceLaneOptions& options) {
  if (options.slots < 1 || options.slots > kMostSlots) {
    return absl::InvalidArgumentError(absl::StrCat("slots: expected 1 to ", kMostSlots, ", got ", options.slots));
  }
  if (options.memory_bytes < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("memory_bytes: expected a positive number, got ", options.memory_bytes));
  }
  return absl::OkStatus();
}

// Tells profilers of a part of a batch's way.
class Range {
 public:
  Range(Device* device, const char* name) : device_(device) {
    if (device_ != nullptr) device_->BeginRange(name);
  }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
  ~Range() {
    if (device_ != nullptr) device_->EndRange();
  }

 private:
  Device* const device_;  // Null: nobody listens.
};

}  // namespace

// What one batch on its way has to itself.
struct DeviceLane::Slot {
  std::byte* memory = nullptr;
  int64_t bytes = 0;
  int64_t most = 0;  // That the batch may have for its regions.
  // The begin and the end of the batch's part of each stream's work.
  std::array<std::unique_ptr<DeviceEvent>, kDeviceStreamCount> begin, end;

  DeviceEvent& end_of(DeviceStream stream) { return *end[static_cast<size_t>(stream)]; }
  DeviceEvent& begin_of(DeviceStream stream) { return *begin[static_cast<size_t>(stream)]; }
};

// A slot for the time of a batch. Where that did not come to its end, the device's streams do before the slot is free.
class DeviceLane::Lease {
 public:
  explicit Lease(DeviceLane& lane) : lane_(lane) {
    absl::MutexLock lock(&lane_.mu_);
    lane_.mu_.Await(absl::Condition(&lane_, &DeviceLane::HasFreeSlot));
    slot_ = lane_.free_slots_.back();
    lane_.free_slots_.pop_back();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    if (!ended_) lane_.Settle().IgnoreError();
    absl::MutexLock lock(&lane_.mu_);
    lane_.free_slots_.push_back(slot_);
  }

  Slot& slot() { return *slot_; }
  // The batch has come to its end, and nothing of it is under way.
  void End() { ended_ = true; }

 private:
  DeviceLane& lane_;
  Slot* slot_;
  bool ended_ = false;
};

DeviceLane::DeviceLane(std::unique_ptr<Device> device, const DeviceLaneOptions& options)
    : device_(std::move(device)), ranges_(options.ranges), budget_(options.memory_bytes) {}

absl::StatusOr<std::unique_ptr<DeviceLane>> DeviceLane::Create(std::unique_ptr<Device> device,
                                                               const DeviceLaneOptions& options) {
  LOSSD_RETURN_IF_ERROR(CheckOptions(options));
  std::unique_ptr<DeviceLane> lane(new DeviceLane(std::move(device), options));
  LOSSD_RETURN_IF_ERROR(lane->MakeSlots(options.slots));
  return lane;
}

absl::Status DeviceLane::MakeSlots(int slots) {
  absl::MutexLock lock(&mu_);
  for (int i = 0; i < slots; ++i) {
    Slot& slot = *slots_.emplace_back(std::make_unique<Slot>());
    for (size_t stream = 0; stream < kDeviceStreamCount; ++stream) {
      LOSSD_ASSIGN_OR_RETURN(slot.begin[stream], device_->MakeEvent());
      LOSSD_ASSIGN_OR_RETURN(slot.end[stream], device_->MakeEvent());
    }
    free_slots_.push_back(&slot);
  }
  return absl::OkStatus();
}

DeviceLane::~DeviceLane() {
  for (const auto& slot : slots_) {
    if (slot->memory != nullptr) device_->Free(slot->memory);
  }
}

int64_t DeviceLane::DeviceBytes(const LaneBatch& batch) { return RegionBytes(batch) + batch.workspace_bytes; }

absl::Status DeviceLane::Run(const LaneBatch& batch, Launch launch) {
  LOSSD_RETURN_IF_ERROR(health());
  LOSSD_ASSIGN_OR_RETURN(const DeviceReservation reservation, budget_.Reserve(DeviceBytes(batch)));
  Lease lease(*this);
  const auto beyond = Fit(lease.slot(), RegionBytes(batch));
  absl::Status status = Append(lease.slot(), batch, launch);
  if (status.ok()) status = device_->Synchronize(lease.slot().end_of(DeviceStream::kDownload));
  lease.End();
  if (status.ok()) {
    Count(lease.slot(), batch);
    return absl::OkStatus();
  }
  LOSSD_RETURN_IF_ERROR(Settle());
  return absl::IsDataLoss(status) ? absl::InternalError(status.message()) : status;
}

absl::Status DeviceLane::Append(Slot& slot, const LaneBatch& batch, Launch launch) {
  Device* const profiled = ranges_ ? device_.get() : nullptr;
  LOSSD_ASSIGN_OR_RETURN(const DeviceRegions regions, PlaceRegions(slot, batch));
  {
    const Range range(profiled, "upload");
    LOSSD_RETURN_IF_ERROR(CopyUp(slot, batch, regions));
  }
  absl::ReleasableMutexLock computes(&compute_mu_);
  {
    const Range range(profiled, "compute");
    LOSSD_RETURN_IF_ERROR(Compute(slot, regions, launch));
  }
  const Range range(profiled, "download");
  absl::MutexLock downloads(&download_mu_);  // Before the next batch computes, and so could be before this one here.
  computes.Release();
  return CopyDown(slot, batch, regions);
}

absl::Status DeviceLane::Compute(Slot& slot, const DeviceRegions& regions, Launch launch) {
  LOSSD_RETURN_IF_ERROR(device_->Wait(DeviceStream::kCompute, slot.end_of(DeviceStream::kUpload)));
  LOSSD_RETURN_IF_ERROR(device_->Record(DeviceStream::kCompute, slot.begin_of(DeviceStream::kCompute)));
  LOSSD_RETURN_IF_ERROR(launch(regions));
  return device_->Record(DeviceStream::kCompute, slot.end_of(DeviceStream::kCompute));
}

absl::StatusOr<DeviceRegions> DeviceLane::PlaceRegions(Slot& slot, const LaneBatch& batch) {
  LOSSD_RETURN_IF_ERROR(Grow(slot, RegionBytes(batch)));
  DeviceRegions regions;
  regions.up = slot.memory;
  regions.up_stride = AlignedSize(batch.up_bytes);
  regions.down = slot.memory + static_cast<int64_t>(batch.requests.size()) * regions.up_stride;
  regions.down_stride = AlignedSize(batch.down_bytes);
  return regions;
}

// Makes what a batch of a region of `bytes` finds in its slot and in those that nobody uses count: returns the share of
// what the slot has, or should be given, beyond the region. Where there is no room for that, it is not to be had; nor
// is what other slots keep.
std::optional<DeviceReservation> DeviceLane::Fit(Slot& slot, int64_t bytes) {
  std::optional<DeviceReservation> beyond = budget_.TryReserve(std::max(slot.bytes, Allotted(bytes)) - bytes);
  if (!beyond.has_value() && slot.bytes > bytes) Drop(slot);
  slot.most = beyond.has_value() ? std::max(slot.bytes, Allotted(bytes)) : bytes;
  std::vector<Slot*> idle;
  {
    absl::MutexLock lock(&mu_);
    int64_t kept = 0;
    for (const Slot* one : free_slots_) kept += one->bytes;
    if (budget_.reserved_bytes() + kept > budget_.limit_bytes()) idle.swap(free_slots_);
  }
  for (Slot* one : idle) Drop(*one);
  absl::MutexLock lock(&mu_);
  free_slots_.insert(free_slots_.end(), idle.begin(), idle.end());
  return beyond;
}

// Nothing of the slot is under way, so that its memory may be given back.
void DeviceLane::Drop(Slot& slot) {
  if (slot.memory != nullptr) device_->Free(std::exchange(slot.memory, nullptr));
  absl::MutexLock lock(&mu_);
  stats_.held_bytes -= std::exchange(slot.bytes, 0);
}

absl::Status DeviceLane::Grow(Slot& slot, int64_t bytes) {
  if (bytes <= slot.bytes) return absl::OkStatus();
  Drop(slot);
  int64_t allotted = slot.most;
  absl::StatusOr<std::byte*> memory = device_->Allocate(allotted);
  if (absl::IsResourceExhausted(memory.status())) {
    device_->FreeUnused();
    allotted = bytes;
    memory = device_->Allocate(allotted);
  }
  LOSSD_RETURN_IF_ERROR(memory.status());
  slot.memory = *memory;
  slot.bytes = allotted;
  absl::MutexLock lock(&mu_);
  stats_.held_bytes += allotted;
  return absl::OkStatus();
}

absl::Status DeviceLane::CopyUp(Slot& slot, const LaneBatch& batch, const DeviceRegions& regions) {
  absl::MutexLock uploads(&upload_mu_);
  LOSSD_RETURN_IF_ERROR(device_->Record(DeviceStream::kUpload, slot.begin_of(DeviceStream::kUpload)));
  std::byte* region = regions.up;
  for (const LaneBatch::Request& request : batch.requests) {
    for (const RegionPiece& piece : request.up) {
      LOSSD_RETURN_IF_ERROR(device_->CopyUp(region + piece.offset, piece.host, piece.bytes));
    }
    region += regions.up_stride;
  }
  return device_->Record(DeviceStream::kUpload, slot.end_of(DeviceStream::kUpload));
}

absl::Status DeviceLane::CopyDown(Slot& slot, const LaneBatch& batch, const DeviceRegions& regions) {
  LOSSD_RETURN_IF_ERROR(device_->Wait(DeviceStream::kDownload, slot.end_of(DeviceStream::kCompute)));
  LOSSD_RETURN_IF_ERROR(device_->Record(DeviceStream::kDownload, slot.begin_of(DeviceStream::kDownload)));
  const std::byte* region = regions.down;
  for (const LaneBatch::Request& request : batch.requests) {
    for (const RegionPiece& piece : request.down) {
      LOSSD_RETURN_IF_ERROR(device_->CopyDown(piece.host, region + piece.offset, piece.bytes));
    }
    region += regions.down_stride;
  }
  return device_->Record(DeviceStream::kDownload, slot.end_of(DeviceStream::kDownload));
}

// Waits for the device after a failure, and finds out whether it is lost. Fails if it is.
absl::Status DeviceLane::Settle() {
  const absl::Status status = device_->SynchronizeAll();
  if (status.ok()) return health();
  LostListener lost;
  {
    absl::MutexLock lock(&mu_);
    if (!health_.ok()) return health_;
    health_ = absl::InternalError(absl::StrCat("the device is lost: ", status.message()));
    lost = std::exchange(lost_, nullptr);
  }
  if (lost) std::move(lost)(health());
  return health();
}

void DeviceLane::Count(Slot& slot, const LaneBatch& batch) {
  LaneStats counted;
  for (size_t i = 0; i < kDeviceStreamCount; ++i) counted.busy[i] = device_->Elapsed(*slot.begin[i], *slot.end[i]);
  for (const LaneBatch::Request& request : batch.requests) {
    counted.copies_up += static_cast<int64_t>(request.up.size());
    counted.copies_down += static_cast<int64_t>(request.down.size());
    for (const RegionPiece& piece : request.up) counted.bytes_up += piece.bytes;
    for (const RegionPiece& piece : request.down) counted.bytes_down += piece.bytes;
  }
  absl::MutexLock lock(&mu_);
  ++stats_.batches;
  stats_.requests += static_cast<int64_t>(batch.requests.size());
  stats_.bytes_up += counted.bytes_up;
  stats_.bytes_down += counted.bytes_down;
  stats_.copies_up += counted.copies_up;
  stats_.copies_down += counted.copies_down;
  for (size_t i = 0; i < kDeviceStreamCount; ++i) stats_.busy[i] += counted.busy[i];
}

absl::Status DeviceLane::health() const {
  absl::MutexLock lock(&mu_);
  return health_;
}

void DeviceLane::SetLostListener(LostListener listener) {
  {
    absl::MutexLock lock(&mu_);
    if (health_.ok()) {
      lost_ = std::move(listener);
      return;
    }
  }
  std::move(listener)(health());
}

void DeviceLane::AddOperations(int64_t count) {
  absl::MutexLock lock(&mu_);
  stats_.operations += count;
}

LaneStats DeviceLane::stats() const {
  absl::MutexLock lock(&mu_);
  LaneStats stats = stats_;
  stats.reserved_bytes = budget_.reserved_bytes();
  stats.limit_bytes = budget_.limit_bytes();
  return stats;
}

absl::StatusOr<std::vector<std::unique_ptr<DeviceLane>>> CreateLanes(std::vector<std::unique_ptr<Device>> devices,
                                                                     DeviceLaneOptions options) {
  if (options.memory_bytes == 0 && !devices.empty()) {
    int64_t least = devices.front()->free_bytes();
    for (const std::unique_ptr<Device>& device : devices) least = std::min(least, device->free_bytes());
    options.memory_bytes = std::max<int64_t>(least / 5 * 4, 1);
  }
  std::vector<std::unique_ptr<DeviceLane>> lanes;
  for (std::unique_ptr<Device>& device : devices) {
    LOSSD_ASSIGN_OR_RETURN(lanes.emplace_back(), DeviceLane::Create(std::move(device), options));
  }
  return lanes;
}

}  // namespace lossd
