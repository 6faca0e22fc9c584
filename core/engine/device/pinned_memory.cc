// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/device/pinned_memory.h"

#include <cstdlib>
#include <utility>

#include "core/engine/rounding.h"
#include "core/tensor/buffer_pool.h"

namespace lossd {

PinnedMemory::PinnedMemory(Pin pin, Unpin unpin) : pin_(std::move(pin)), unpin_(std::move(unpin)) {}

std::byte* PinnedMemory::Allocate(size_t bytes) {
  if (std::byte* const pinned = pin_(bytes)) return pinned;
  auto* const memory =
      static_cast<std::byte*>(std::aligned_alloc(kBufferAlignment, RoundedUp(bytes, kBufferAlignment)));
  if (memory == nullptr) return nullptr;
  absl::MutexLock lock(&mu_);
  pageable_.insert(memory);
  return memory;
}

void PinnedMemory::Free(std::byte* memory, size_t) {
  bool pageable = false;
  {
    absl::MutexLock lock(&mu_);
    pageable = pageable_.erase(memory) > 0;
  }
  if (pageable) {
    std::free(memory);
  } else {
    unpin_(memory);
  }
}

}  // namespace lossd
