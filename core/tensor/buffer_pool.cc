// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/tensor/buffer_pool.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>
#include <utility>

namespace lossd {
namespace {

constexpr size_t kSmallestClass = 256;  // Bytes.
constexpr int kClassesPerDoubling = 4;
constexpr int kClassCount = 56 * kClassesPerDoubling;

struct SizeClass {
  int index;
  size_t bytes;
};

// The smallest class that holds `bytes`: kSmallestClass * 2^e * (4 + q) / 4, at most 25 % more than asked for.
SizeClass ClassOf(size_t bytes) {
  if (bytes <= kSmallestClass) return {0, kSmallestClass};
  const size_t units = (bytes - 1) / kSmallestClass;  // >= 1
  const int exponent = static_cast<int>(std::bit_width(units)) - 1;
  const size_t base = kSmallestClass << exponent;  // base < bytes <= 2 * base
  const size_t quarter = base / kClassesPerDoubling;
  const size_t steps = (bytes - base + quarter - 1) / quarter;  // 1..4
  return {exponent * kClassesPerDoubling + static_cast<int>(steps), base + steps * quarter};
}

}  // namespace

// The idle buffers by size class.
class BufferPool::Shelves {
 public:
  explicit Shelves(size_t max_idle_bytes) : max_idle_bytes_(max_idle_bytes) {}
  ~Shelves() {
    for (std::vector<std::byte*>& shelf : idle_) {
      for (std::byte* block : shelf) std::free(block);
    }
  }

  std::byte* Take(SizeClass size_class) {
    {
      absl::MutexLock lock(&mu_);
      live_bytes_ += size_class.bytes;
      std::vector<std::byte*>& shelf = idle_[static_cast<size_t>(size_class.index)];
      if (!shelf.empty()) {
        std::byte* block = shelf.back();
        shelf.pop_back();
        idle_bytes_ -= size_class.bytes;
        return block;
      }
    }
    void* block = std::aligned_alloc(kBufferAlignment, size_class.bytes);
    if (block != nullptr) return static_cast<std::byte*>(block);
    absl::MutexLock lock(&mu_);
    live_bytes_ -= size_class.bytes;
    throw std::bad_alloc();
  }

  void Return(SizeClass size_class, std::byte* block) {
    {
      absl::MutexLock lock(&mu_);
      live_bytes_ -= size_class.bytes;
      if (idle_bytes_ + size_class.bytes <= max_idle_bytes_) {
        idle_[static_cast<size_t>(size_class.index)].push_back(block);
        idle_bytes_ += size_class.bytes;
        return;
      }
    }
    std::free(block);
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
  const size_t max_idle_bytes_;
  mutable absl::Mutex mu_;
  std::array<std::vector<std::byte*>, kClassCount> idle_ ABSL_GUARDED_BY(mu_);
  size_t idle_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  size_t live_bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

BufferPool::BufferPool(size_t max_idle_bytes) : shelves_(std::make_shared<Shelves>(max_idle_bytes)) {}
BufferPool::~BufferPool() = default;

Buffer BufferPool::Allocate(size_t bytes) {
  const SizeClass size_class = ClassOf(bytes);
  std::byte* block = shelves_->Take(size_class);
  return Buffer(std::shared_ptr<std::byte>(block, [shelves = shelves_, size_class](
                                                      std::byte* returned) { shelves->Return(size_class, returned); }),
                size_class.bytes);
}

size_t BufferPool::idle_bytes() const { return shelves_->idle_bytes(); }
size_t BufferPool::live_bytes() const { return shelves_->live_bytes(); }

}  // namespace lossd
