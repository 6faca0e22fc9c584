// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/cuda/cuda_device.h"

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <nvtx3/nvToolsExt.h>

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/engine/device/pinned_memory.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

// The runtime's errors as a Device fails. Those that are not sticky are taken back, so that no later call has them.
absl::Status ToStatus(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return absl::OkStatus();
  cudaGetLastError();
  const std::string text = absl::StrCat(what, ": ", cudaGetErrorString(error));
  return error == cudaErrorMemoryAllocation ? absl::ResourceExhaustedError(text) : absl::DataLossError(text);
}

// Makes card `index` the calling thread's.
absl::Status Select(int index) { return ToStatus(cudaSetDevice(index), "the card"); }

// Through card `index`, also on threads that have nothing else to do with it: what such a thread asks of the runtime
// would else concern card 0.
std::byte* Pin(int index, size_t bytes) {
  void* memory = nullptr;
  if (Select(index).ok() && cudaHostAlloc(&memory, bytes, cudaHostAllocPortable) == cudaSuccess) {
    return static_cast<std::byte*>(memory);
  }
  cudaGetLastError();
  return nullptr;
}

void Unpin(int index, std::byte* memory) {
  if (Select(index).ok()) cudaFreeHost(memory);
}

class CudaEvent final : public DeviceEvent {
 public:
  explicit CudaEvent(cudaEvent_t event) : event_(event) {}
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;
  ~CudaEvent() override { cudaEventDestroy(event_); }

  cudaEvent_t get() const { return event_; }

 private:
  const cudaEvent_t event_;
};

cudaEvent_t Native(DeviceEvent& event) { return static_cast<CudaEvent&>(event).get(); }

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(int index) : index_(index) {}
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;
  ~CudaDevice() override {
    for (const DeviceStream stream : {DeviceStream::kUpload, DeviceStream::kDownload}) {
      if (this->stream(stream) != nullptr) cudaStreamDestroy(this->stream(stream));
    }
  }

  absl::Status Start() {
    LOSSD_RETURN_IF_ERROR(Select());
    for (const DeviceStream stream : {DeviceStream::kUpload, DeviceStream::kDownload}) {
      LOSSD_RETURN_IF_ERROR(ToStatus(
          cudaStreamCreateWithFlags(&streams_[static_cast<size_t>(stream)], cudaStreamNonBlocking), "a stream"));
    }
    const auto compute = c10::cuda::getStreamFromPool(/*isHighPriority=*/false, static_cast<c10::DeviceIndex>(index_));
    streams_[static_cast<size_t>(DeviceStream::kCompute)] = compute.stream();
    compute_stream_ = compute.id();
    return absl::OkStatus();
  }

  int64_t free_bytes() const override { return MemoryInfo().first; }
  int64_t total_bytes() const override { return MemoryInfo().second; }
  std::shared_ptr<MemorySource> host_memory() override {
    return std::make_shared<PinnedMemory>([index = index_](size_t bytes) { return Pin(index, bytes); },
                                          [index = index_](std::byte* memory) { Unpin(index, memory); });
  }
  int64_t compute_stream() const override { return compute_stream_; }

  absl::StatusOr<std::byte*> Allocate(int64_t bytes) override {
    LOSSD_RETURN_IF_ERROR(Select());
    void* memory = nullptr;
    LOSSD_RETURN_IF_ERROR(ToStatus(cudaMalloc(&memory, static_cast<size_t>(bytes)), "the device has no memory"));
    return static_cast<std::byte*>(memory);
  }
  void Free(std::byte* memory) override {
    Select().IgnoreError();
    cudaFree(memory);
  }

  void FreeUnused() override {
    if (Select().ok()) c10::cuda::CUDACachingAllocator::emptyCache();
  }

  absl::Status CopyUp(std::byte* device, const std::byte* host, int64_t bytes) override {
    return Copy(device, host, bytes, cudaMemcpyHostToDevice, DeviceStream::kUpload);
  }
  absl::Status CopyDown(std::byte* host, const std::byte* device, int64_t bytes) override {
    return Copy(host, device, bytes, cudaMemcpyDeviceToHost, DeviceStream::kDownload);
  }

  absl::StatusOr<std::unique_ptr<DeviceEvent>> MakeEvent() override {
    LOSSD_RETURN_IF_ERROR(Select());
    cudaEvent_t event = nullptr;
    LOSSD_RETURN_IF_ERROR(ToStatus(cudaEventCreateWithFlags(&event, cudaEventBlockingSync), "an event"));
    return std::make_unique<CudaEvent>(event);
  }
  absl::Status Record(DeviceStream stream, DeviceEvent& event) override {
    LOSSD_RETURN_IF_ERROR(Select());
    return ToStatus(cudaEventRecord(Native(event), this->stream(stream)), "recording an event");
  }
  absl::Status Wait(DeviceStream stream, DeviceEvent& event) override {
    LOSSD_RETURN_IF_ERROR(Select());
    return ToStatus(cudaStreamWaitEvent(this->stream(stream), Native(event), 0), "waiting for an event");
  }
  absl::Status Synchronize(DeviceEvent& event) override {
    LOSSD_RETURN_IF_ERROR(Select());
    return ToStatus(cudaEventSynchronize(Native(event)), "waiting for a batch");
  }
  absl::Status SynchronizeAll() override {
    LOSSD_RETURN_IF_ERROR(Select());
    for (cudaStream_t one : streams_)
      LOSSD_RETURN_IF_ERROR(ToStatus(cudaStreamSynchronize(one), "waiting for a stream"));
    return absl::OkStatus();
  }
  absl::Duration Elapsed(DeviceEvent& from, DeviceEvent& to) override {
    float milliseconds = 0;
    if (cudaEventElapsedTime(&milliseconds, Native(from), Native(to)) != cudaSuccess) return absl::ZeroDuration();
    return absl::Milliseconds(milliseconds);
  }

  void BeginRange(const char* name) override { nvtxRangePushA(name); }
  void EndRange() override { nvtxRangePop(); }

 private:
  absl::Status Select() const { return lossd::Select(index_); }

  cudaStream_t stream(DeviceStream stream) const { return streams_[static_cast<size_t>(stream)]; }

  absl::Status Copy(void* to, const void* from, int64_t bytes, cudaMemcpyKind kind, DeviceStream on) {
    LOSSD_RETURN_IF_ERROR(Select());
    return ToStatus(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), kind, stream(on)), "a copy");
  }

  // Free and all.
  std::pair<int64_t, int64_t> MemoryInfo() const {
    size_t free = 0;
    size_t total = 0;
    if (!Select().ok() || cudaMemGetInfo(&free, &total) != cudaSuccess) return {0, 0};
    return {static_cast<int64_t>(free), static_cast<int64_t>(total)};
  }

  const int index_;
  std::array<cudaStream_t, kDeviceStreamCount> streams_ = {};  // Owned, but for kCompute's.
  int64_t compute_stream_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Device>> MakeCudaDevice(int index) {
  auto device = std::make_unique<CudaDevice>(index);
  const absl::Status started = device->Start();
  if (!started.ok()) return absl::UnavailableError(absl::StrCat("cuda:", index, ": ", started.message()));
  return std::unique_ptr<Device>(std::move(device));
}

}  // namespace lossd
