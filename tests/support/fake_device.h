// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A device without a card, which finds out who uses memory too early.

#ifndef LOSSD_TESTS_SUPPORT_FAKE_DEVICE_H_
#define LOSSD_TESTS_SUPPORT_FAKE_DEVICE_H_

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "core/engine/device/device.h"

namespace lossd::testing {

// Runs what streams have to do late and in a random order of streams, as far as their waits allow; and keeps the order
// that recorded and awaited events establish (vector clocks: one for the host and one for each stream), so that each
// use of memory which another may overtake is noted in violations(), whether or not it was overtaken this time.
// Thread-safe; all threads of the host count as one.
class FakeDevice final : public Device {
 public:
  explicit FakeDevice(uint32_t seed, int64_t total_bytes = int64_t{1} << 30) : random_(seed), total_(total_bytes) {}
  ~FakeDevice() override;

  // Bytes that an operation of the compute stream, or the host, reads or writes.
  struct Use {
    const void* memory = nullptr;
    int64_t bytes = 0;
    bool writes = false;
  };

  // Appends `operation`, which uses `uses`, to the compute stream.
  void Launch(const std::vector<Use>& uses, std::function<void()> operation);
  // The host uses memory now.
  void HostUses(Use use);

  // What went wrong so far, as "download reads what compute may still write".
  std::vector<std::string> violations() const;
  // Waits and Synchronizes so far, those that were left out included.
  int waits() const;
  // What each thread of the host has asked of the compute stream, in that order: "wait", "record" or "launch".
  std::vector<std::pair<std::thread::id, std::string>> asked_of_compute() const;
  // Leaves the wait out that is the `index`th from now on.
  void LeaveOutWait(int index);
  // All that is asked of the device fails from now on.
  void Break();
  // The next so many calls of Allocate fail for want of memory.
  void RunOutOfMemory(int calls = 1);
  // Is called once, when the host waits next, before it does: what a batch beside the one that waits would do
  // meanwhile.
  void OnNextSynchronize(std::function<void()> meanwhile);
  // Calls of FreeUnused so far.
  int times_unused_freed() const;
  // Copies and host synchronisations so far.
  int64_t copies() const;
  int64_t synchronizations() const;

  // From now on streams do at once what they are asked for, as computations of the host need it.
  void RunAtOnce();

  int64_t free_bytes() const override;
  int64_t compute_stream() const override { return 0; }
  int64_t total_bytes() const override { return total_; }
  std::shared_ptr<MemorySource> host_memory() override;
  absl::StatusOr<std::byte*> Allocate(int64_t bytes) override;
  void Free(std::byte* memory) override;
  void FreeUnused() override;
  absl::Status CopyUp(std::byte* device, const std::byte* host, int64_t bytes) override;
  absl::Status CopyDown(std::byte* host, const std::byte* device, int64_t bytes) override;
  absl::StatusOr<std::unique_ptr<DeviceEvent>> MakeEvent() override;
  absl::Status Record(DeviceStream stream, DeviceEvent& event) override;
  absl::Status Wait(DeviceStream stream, DeviceEvent& event) override;
  absl::Status Synchronize(DeviceEvent& event) override;
  absl::Status SynchronizeAll() override;
  // A millisecond each copy or launch that was appended to the events' stream between them.
  absl::Duration Elapsed(DeviceEvent& from, DeviceEvent& to) override;
  void BeginRange(const char* name) override;
  void EndRange() override;

 private:
  static constexpr size_t kHost = kDeviceStreamCount;
  // What each stream, and the host, is known to have done.
  using Clock = std::array<int64_t, kDeviceStreamCount + 1>;

  struct Event;
  struct Step {
    std::function<void()> run;         // Null: none.
    std::shared_ptr<int64_t> records;  // Set to `generation` when the step runs.
    std::shared_ptr<int64_t> awaits;   // Runs once that is `generation` at least.
    int64_t generation = 0;
  };
  struct Past {
    uintptr_t begin, end;
    size_t who;
    int64_t when;
    bool writes;
  };

  absl::Status Append(size_t stream, const std::vector<Use>& uses, std::function<void()> run) ABSL_LOCKS_EXCLUDED(mu_);
  void Note(size_t who, const Use& use) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Asked(DeviceStream stream, const char* what) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool LeftOut() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool CanRun(const Step& step) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool RunOne() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RunSome() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Health() const ABSL_SHARED_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  std::minstd_rand random_ ABSL_GUARDED_BY(mu_);
  const int64_t total_;
  std::map<std::byte*, int64_t> allocated_ ABSL_GUARDED_BY(mu_);
  std::array<std::deque<Step>, kDeviceStreamCount> streams_ ABSL_GUARDED_BY(mu_);
  std::array<Clock, kDeviceStreamCount + 1> clocks_ ABSL_GUARDED_BY(mu_) = {};
  std::vector<Past> past_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> violations_ ABSL_GUARDED_BY(mu_);
  std::array<int64_t, kDeviceStreamCount> operations_ ABSL_GUARDED_BY(mu_) = {};  // Appended to each stream.
  std::vector<std::pair<std::thread::id, std::string>> asked_of_compute_ ABSL_GUARDED_BY(mu_);
  std::function<void()> meanwhile_ ABSL_GUARDED_BY(mu_);
  int waits_ ABSL_GUARDED_BY(mu_) = 0;
  int left_out_ ABSL_GUARDED_BY(mu_) = -1;  // Index of the wait; -1: none.
  bool at_once_ ABSL_GUARDED_BY(mu_) = false;
  bool broken_ ABSL_GUARDED_BY(mu_) = false;
  int out_of_memory_ ABSL_GUARDED_BY(mu_) = 0;  // Calls of Allocate that fail.
  int times_unused_freed_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t copies_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t synchronizations_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_FAKE_DEVICE_H_
