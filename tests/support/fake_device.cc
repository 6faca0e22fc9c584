// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/fake_device.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/tensor/buffer_pool.h"

namespace lossd::testing {
namespace {

constexpr const char* kNames[] = {"upload", "compute", "download", "the host"};

std::byte* NewMemory(size_t bytes) {
  const size_t rounded = (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
  auto* const memory = static_cast<std::byte*>(std::aligned_alloc(kBufferAlignment, rounded));
  std::memset(memory, 0xff, rounded);  // NaN: what is read before it was written shows.
  return memory;
}

class HostMemory final : public MemorySource {
 public:
  std::byte* Allocate(size_t bytes) override { return NewMemory(bytes); }
  void Free(std::byte* memory, size_t) override { std::free(memory); }
};

}  // namespace

struct FakeDevice::Event final : public DeviceEvent {
  Clock clock = {};
  int64_t generation = 0;
  int64_t operations = 0;                                           // Of the stream, before it was recorded.
  std::shared_ptr<int64_t> reached = std::make_shared<int64_t>(0);  // The generation that has happened.
};

FakeDevice::~FakeDevice() {
  for (const auto& [memory, bytes] : allocated_) std::free(memory);
}

void FakeDevice::Launch(const std::vector<Use>& uses, std::function<void()> operation) {
  Append(static_cast<size_t>(DeviceStream::kCompute), uses, std::move(operation)).IgnoreError();
}

void FakeDevice::HostUses(Use use) {
  absl::MutexLock lock(&mu_);
  ++clocks_[kHost][kHost];
  Note(kHost, use);
}

absl::Status FakeDevice::Append(size_t stream, const std::vector<Use>& uses, std::function<void()> run) {
  absl::MutexLock lock(&mu_);
  Clock& clock = clocks_[stream];
  for (size_t i = 0; i < clock.size(); ++i) clock[i] = std::max(clock[i], clocks_[kHost][i]);
  ++clock[stream];
  for (const Use& use : uses) Note(stream, use);
  ++operations_[stream];
  Asked(static_cast<DeviceStream>(stream), "launch");
  streams_[stream].push_back({std::move(run), nullptr, nullptr, 0});
  RunSome();
  return Health();
}

void FakeDevice::Note(size_t who, const Use& use) {
  const auto begin = reinterpret_cast<uintptr_t>(use.memory);
  const Past now = {begin, begin + static_cast<uintptr_t>(use.bytes), who, clocks_[who][who], use.writes};
  for (const Past& before : past_) {
    if (before.end <= now.begin || now.end <= before.begin || !(before.writes || now.writes)) continue;
    if (before.when <= clocks_[who][before.who]) continue;
    violations_.push_back(absl::StrCat(kNames[who], now.writes ? " writes" : " reads", " what ", kNames[before.who],
                                       " may still ", before.writes ? "write" : "read"));
  }
  past_.push_back(now);
}

void FakeDevice::Asked(DeviceStream stream, const char* what) {
  if (stream == DeviceStream::kCompute) asked_of_compute_.emplace_back(std::this_thread::get_id(), what);
}

bool FakeDevice::LeftOut() { return waits_++ == left_out_; }

bool FakeDevice::CanRun(const Step& step) const { return step.awaits == nullptr || *step.awaits >= step.generation; }

// Runs the first step of a random stream. False where there is none that may run.
bool FakeDevice::RunOne() {
  std::vector<std::deque<Step>*> able;
  for (std::deque<Step>& stream : streams_) {
    if (!stream.empty() && CanRun(stream.front())) able.push_back(&stream);
  }
  if (able.empty()) return false;
  std::deque<Step>& stream = *able[random_() % able.size()];
  const Step step = std::move(stream.front());
  stream.pop_front();
  if (step.run) step.run();
  if (step.records != nullptr) *step.records = step.generation;
  return true;
}

// As much as a device may have done until the host asks next.
void FakeDevice::RunSome() {
  for (uint32_t left = at_once_ ? UINT32_MAX : random_() % 4; left > 0 && RunOne(); --left) {
  }
}

absl::Status FakeDevice::Health() const {
  return broken_ ? absl::DataLossError("an illegal memory access was encountered") : absl::OkStatus();
}

int64_t FakeDevice::free_bytes() const {
  absl::MutexLock lock(&mu_);
  int64_t free = total_;
  for (const auto& [memory, bytes] : allocated_) free -= bytes;
  return free;
}

std::shared_ptr<MemorySource> FakeDevice::host_memory() { return std::make_shared<HostMemory>(); }

absl::StatusOr<std::byte*> FakeDevice::Allocate(int64_t bytes) {
  absl::MutexLock lock(&mu_);
  if (out_of_memory_ > 0 && out_of_memory_-- > 0) return absl::ResourceExhaustedError("the device has no memory");
  std::byte* const memory = NewMemory(static_cast<size_t>(bytes));
  allocated_[memory] = bytes;
  // Fresh memory has no past, even where another's was.
  const auto begin = reinterpret_cast<uintptr_t>(memory);
  past_.erase(std::remove_if(past_.begin(), past_.end(),
                             [&](const Past& past) {
                               return past.begin < begin + static_cast<uintptr_t>(bytes) && begin < past.end;
                             }),
              past_.end());
  return memory;
}

void FakeDevice::Free(std::byte* memory) {
  absl::MutexLock lock(&mu_);
  const auto found = allocated_.find(memory);
  ++clocks_[kHost][kHost];
  Note(kHost, {memory, found->second, true});
  while (RunOne()) {  // What is still to be done with the memory had better be done while it is there.
  }
  allocated_.erase(found);
  std::free(memory);
}

absl::Status FakeDevice::CopyUp(std::byte* device, const std::byte* host, int64_t bytes) {
  {
    absl::MutexLock lock(&mu_);
    ++copies_;
  }
  return Append(static_cast<size_t>(DeviceStream::kUpload), {{host, bytes, false}, {device, bytes, true}},
                [=] { std::memcpy(device, host, static_cast<size_t>(bytes)); });
}

absl::Status FakeDevice::CopyDown(std::byte* host, const std::byte* device, int64_t bytes) {
  {
    absl::MutexLock lock(&mu_);
    ++copies_;
  }
  return Append(static_cast<size_t>(DeviceStream::kDownload), {{device, bytes, false}, {host, bytes, true}},
                [=] { std::memcpy(host, device, static_cast<size_t>(bytes)); });
}

absl::StatusOr<std::unique_ptr<DeviceEvent>> FakeDevice::MakeEvent() { return std::make_unique<Event>(); }

absl::Status FakeDevice::Record(DeviceStream stream, DeviceEvent& event) {
  absl::MutexLock lock(&mu_);
  auto& recorded = static_cast<Event&>(event);
  recorded.clock = clocks_[static_cast<size_t>(stream)];
  recorded.operations = operations_[static_cast<size_t>(stream)];
  Asked(stream, "record");
  ++recorded.generation;
  streams_[static_cast<size_t>(stream)].push_back({nullptr, recorded.reached, nullptr, recorded.generation});
  RunSome();
  return Health();
}

absl::Status FakeDevice::Wait(DeviceStream stream, DeviceEvent& event) {
  absl::MutexLock lock(&mu_);
  Asked(stream, "wait");
  if (LeftOut()) return Health();
  const auto& awaited = static_cast<Event&>(event);
  Clock& clock = clocks_[static_cast<size_t>(stream)];
  for (size_t i = 0; i < clock.size(); ++i) clock[i] = std::max(clock[i], awaited.clock[i]);
  streams_[static_cast<size_t>(stream)].push_back({nullptr, nullptr, awaited.reached, awaited.generation});
  return Health();
}

absl::Status FakeDevice::Synchronize(DeviceEvent& event) {
  std::function<void()> meanwhile;
  {
    absl::MutexLock lock(&mu_);
    meanwhile = std::exchange(meanwhile_, nullptr);
  }
  if (meanwhile) meanwhile();
  absl::MutexLock lock(&mu_);
  ++synchronizations_;
  if (LeftOut()) return Health();
  const auto& awaited = static_cast<Event&>(event);
  while (*awaited.reached < awaited.generation && RunOne()) {
  }
  for (size_t i = 0; i < awaited.clock.size(); ++i) {
    clocks_[kHost][i] = std::max(clocks_[kHost][i], awaited.clock[i]);
  }
  return Health();
}

absl::Status FakeDevice::SynchronizeAll() {
  absl::MutexLock lock(&mu_);
  while (RunOne()) {
  }
  for (const Clock& clock : clocks_) {
    for (size_t i = 0; i < clock.size(); ++i) clocks_[kHost][i] = std::max(clocks_[kHost][i], clock[i]);
  }
  return Health();
}

absl::Duration FakeDevice::Elapsed(DeviceEvent& from, DeviceEvent& to) {
  return absl::Milliseconds(static_cast<Event&>(to).operations - static_cast<Event&>(from).operations);
}
void FakeDevice::BeginRange(const char*) {}
void FakeDevice::EndRange() {}

std::vector<std::string> FakeDevice::violations() const {
  absl::MutexLock lock(&mu_);
  return violations_;
}

std::vector<std::pair<std::thread::id, std::string>> FakeDevice::asked_of_compute() const {
  absl::MutexLock lock(&mu_);
  return asked_of_compute_;
}

int FakeDevice::waits() const {
  absl::MutexLock lock(&mu_);
  return waits_;
}

void FakeDevice::LeaveOutWait(int index) {
  absl::MutexLock lock(&mu_);
  left_out_ = waits_ + index;
}

void FakeDevice::Break() {
  absl::MutexLock lock(&mu_);
  broken_ = true;
}

void FakeDevice::RunAtOnce() {
  absl::MutexLock lock(&mu_);
  at_once_ = true;
}

void FakeDevice::OnNextSynchronize(std::function<void()> meanwhile) {
  absl::MutexLock lock(&mu_);
  meanwhile_ = std::move(meanwhile);
}

void FakeDevice::RunOutOfMemory(int calls) {
  absl::MutexLock lock(&mu_);
  out_of_memory_ = calls;
}

void FakeDevice::FreeUnused() {
  absl::MutexLock lock(&mu_);
  ++times_unused_freed_;
}

int FakeDevice::times_unused_freed() const {
  absl::MutexLock lock(&mu_);
  return times_unused_freed_;
}

int64_t FakeDevice::copies() const {
  absl::MutexLock lock(&mu_);
  return copies_;
}

int64_t FakeDevice::synchronizations() const {
  absl::MutexLock lock(&mu_);
  return synchronizations_;
}

}  // namespace lossd::testing
