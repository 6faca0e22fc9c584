// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/tensor/buffer_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <new>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"

namespace lossd {
namespace {

constexpr size_t kSmallestClass = 256;  // Bytes.
// Classes a doubling: more of mappings, where a quarter more than was asked for is megabytes.
constexpr int kSmallSteps = 4;
constexpr int kMappedSteps = 16;
constexpr int kSmallDoublings = std::bit_width(kMinMappedBytes / kSmallestClass) - 1;
constexpr int kClassCount = 1 + kSmallDoublings * kSmallSteps + (56 - kSmallDoublings) * kMappedSteps;

struct SizeClass {
  int index;
  size_t bytes;
};

// The smallest class that holds `bytes`: kSmallestClass * 2^e * (1 + q / classes a doubling).
SizeClass ClassOf(size_t bytes) {
  if (bytes <= kSmallestClass) return {0, kSmallestClass};
  const size_t units = (bytes - 1) / kSmallestClass;  // >= 1
  const int exponent = static_cast<int>(std::bit_width(units)) - 1;
  const size_t base = kSmallestClass << exponent;  // base < bytes <= 2 * base
  const bool mapped = exponent >= kSmallDoublings;
  const size_t step = base / (mapped ? kMappedSteps : kSmallSteps);
  const size_t steps = (bytes - base + step - 1) / step;  // At least 1.
  const int before =
      mapped ? kSmallDoublings * kSmallSteps + (exponent - kSmallDoublings) * kMappedSteps : exponent * kSmallSteps;
  return {before + static_cast<int>(steps), base + steps * step};
}

constexpr size_t kHugePage = size_t{2} << 20;

// A mapping that begins at a huge page's boundary; null if the system has no memory.
std::byte* Map(size_t bytes) {
  void* const mapped =
      mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* const first = static_cast<std::byte*>(mapped);
  const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(first) % kHugePage) % kHugePage;
  if (before > 0) munmap(first, before);
  munmap(first + before + bytes, kHugePage - before);
  madvise(first + before, bytes, MADV_HUGEPAGE);  // Where there are none, small ones serve.
  return first + before;
}

std::byte* NewMemory(size_t bytes) {
  if (bytes >= kMinMappedBytes) return Map(bytes);
  return static_cast<std::byte*>(std::aligned_alloc(kBufferAlignment, bytes));
}

void FreeMemory(std::byte* memory, size_t bytes) {
  if (bytes >= kMinMappedBytes) {
    munmap(memory, bytes);
  } else {
    std::free(memory);
  }
}

}  // namespace

// The idle blocks by size class.
class Buffer::Shelves {
 public:
  Shelves(size_t max_idle_bytes, std::shared_ptr<MemorySource> source)
      : max_idle_bytes_(max_idle_bytes), source_(std::move(source)), idle_bound_(max_idle_bytes) {}
  ~Shelves() {
    for (const std::deque<Idle>& shelf : idle_) {
      for (const Idle& idle : shelf) Free(idle.block);
    }
  }

  Block* Take(SizeClass size_class) {
    std::vector<Idle> excess;
    {
      absl::MutexLock lock(&mu_);
      ++allocations_;
      live_bytes_ += size_class.bytes;
      std::deque<Idle>& shelf = idle_[static_cast<size_t>(size_class.index)];
      if (!shelf.empty()) {
        Block* const block = shelf.back().block;
        shelf.pop_back();
        idle_bytes_ -= std::exchange(block->idle_bytes, 0);
        return block;
      }
      excess = TakeExcess();
    }
    GiveBack(excess);
    auto block = std::unique_ptr<Block>(new (std::nothrow) Block{nullptr, size_class.bytes, size_class.index});
    if (block != nullptr) block->data = Allocate(size_class.bytes);
    if (block != nullptr && block->data != nullptr) return block.release();
    absl::MutexLock lock(&mu_);
    live_bytes_ -= size_class.bytes;
    throw std::bad_alloc();
  }

  void Return(Block* block) {
    std::vector<Idle> excess;
    {
      absl::MutexLock lock(&mu_);
      live_bytes_ -= block->bytes;
      idle_[static_cast<size_t>(block->size_class)].push_back({block, returns_++});
      idle_bytes_ += block->idle_bytes = block->bytes;
      excess = TakeExcess();
    }
    GiveBack(excess);
  }

  void BoundIdle(size_t max_idle_bytes, size_t max_bytes) {
    std::vector<Idle> excess;
    {
      absl::MutexLock lock(&mu_);
      idle_bound_ = std::min(max_idle_bytes, max_idle_bytes_);
      bound_ = max_bytes;
      excess = TakeExcess();
    }
    GiveBack(excess);
  }

  void FreeUnused() {
    std::vector<Idle> freed;
    {
      absl::MutexLock lock(&mu_);
      for (std::deque<Idle>& shelf : idle_) {
        while (!shelf.empty() && shelf.front().returned < unused_since_) freed.push_back(TakeFrom(shelf));
      }
      unused_since_ = returns_;
    }
    GiveBack(freed);
  }

  int64_t allocations() const {
    absl::MutexLock lock(&mu_);
    return allocations_;
  }
  size_t idle_bytes() const {
    absl::MutexLock lock(&mu_);
    return idle_bytes_;
  }
  size_t live_bytes() const {
    absl::MutexLock lock(&mu_);
    return live_bytes_;
  }

 private:
  struct Idle {
    Block* block;      // Owned.
    int64_t returned;  // When, in returns.
  };

  // Precondition: something is idle.
  Idle TakeOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    std::deque<Idle>* oldest = nullptr;
    for (std::deque<Idle>& shelf : idle_) {
      if (shelf.empty()) continue;
      if (oldest == nullptr || shelf.front().returned < oldest->front().returned) oldest = &shelf;
    }
    return TakeFrom(*oldest);
  }

  Idle TakeFrom(std::deque<Idle>& shelf) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const Idle idle = shelf.front();
    shelf.pop_front();
    idle_bytes_ -= std::exchange(idle.block->idle_bytes, 0);
    return idle;
  }

  size_t MostIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return std::max(idle_bound_, bound_ - std::min(bound_, live_bytes_));
  }

  // Takes the oldest off the shelves until no more than the bound is idle. Of the last of them so much may go back as
  // there is room for: its idle_bytes.
  std::vector<Idle> TakeExcess() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const size_t most = MostIdle();
    std::vector<Idle> excess;
    while (idle_bytes_ > most) excess.push_back(TakeOldest());
    if (excess.empty() || source_ != nullptr || excess.back().block->bytes < kMinMappedBytes) return excess;
    const size_t room = most - idle_bytes_;
    excess.back().block->idle_bytes = room - room % kHugePage;
    return excess;
  }

  // Gives what was taken off the shelves back to the system, and of a block that may go back only the rest. Takes the
  // system a while, and so happens without the lock.
  void GiveBack(absl::Span<const Idle> taken) ABSL_LOCKS_EXCLUDED(mu_) {
    for (const Idle& idle : taken) {
      Block* const block = idle.block;
      if (block->idle_bytes > 0) {
        madvise(block->data + block->idle_bytes, block->bytes - block->idle_bytes, MADV_DONTNEED);
        if (PutBack(idle)) continue;
      }
      Free(block);
    }
  }

  // False if there is no room for it any more.
  bool PutBack(const Idle& oldest) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    if (idle_bytes_ + oldest.block->idle_bytes > MostIdle()) return false;
    idle_bytes_ += oldest.block->idle_bytes;
    idle_[static_cast<size_t>(oldest.block->size_class)].push_front(oldest);
    return true;
  }

  std::byte* Allocate(size_t bytes) { return source_ != nullptr ? source_->Allocate(bytes) : NewMemory(bytes); }

  void Free(Block* block) {
    if (source_ != nullptr) {
      source_->Free(block->data, block->bytes);
    } else {
      FreeMemory(block->data, block->bytes);
    }
    delete block;
  }

  const size_t max_idle_bytes_;
  const std::shared_ptr<MemorySource> source_;  // Null: the system.
  mutable absl::Mutex mu_;
  size_t idle_bound_ ABSL_GUARDED_BY(mu_);  // Of idle bytes, at most max_idle_bytes_; or, if that lets more be,
  size_t bound_ ABSL_GUARDED_BY(mu_) = 0;   // of idle and live ones together.
  std::array<std::deque<Idle>, kClassCount> idle_ ABSL_GUARDED_BY(mu_);  // Oldest first.
  int64_t returns_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t unused_since_ ABSL_GUARDED_BY(mu_) = 0;  // The last FreeUnused, in returns.
  int64_t allocations_ ABSL_GUARDED_BY(mu_) = 0;
  size_t idle_bytes_ ABSL_GUARDED_BY(mu_) = 0;  // Of what is on the shelves.
  size_t live_bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

void Buffer::Return(Block* block) {
  const std::shared_ptr<Shelves> shelves = std::move(block->shelves);  // The pool may be gone: then these are the last.
  shelves->Return(block);
}

BufferPool::BufferPool(size_t max_idle_bytes, std::shared_ptr<MemorySource> source)
    : shelves_(std::make_shared<Buffer::Shelves>(max_idle_bytes, std::move(source))) {}
BufferPool::~BufferPool() = default;

Buffer BufferPool::Allocate(size_t bytes) {
  Buffer::Block* const block = shelves_->Take(ClassOf(bytes));
  block->shelves = shelves_;
  block->handles.store(1, std::memory_order_relaxed);
  return Buffer(block);
}

void BufferPool::BoundIdle(size_t max_idle_bytes, size_t max_bytes) { shelves_->BoundIdle(max_idle_bytes, max_bytes); }

void BufferPool::FreeUnused() { shelves_->FreeUnused(); }

int64_t BufferPool::allocations() const { return shelves_->allocations(); }
size_t BufferPool::idle_bytes() const { return shelves_->idle_bytes(); }
size_t BufferPool::live_bytes() const { return shelves_->live_bytes(); }

}  // namespace lossd
