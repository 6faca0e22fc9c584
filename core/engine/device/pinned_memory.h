// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Memory of this machine that a device copies from and to by itself, as long as it can be had.

#ifndef LOSSD_CORE_ENGINE_DEVICE_PINNED_MEMORY_H_
#define LOSSD_CORE_ENGINE_DEVICE_PINNED_MEMORY_H_

#include <cstddef>
#include <functional>
#include <unordered_set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "core/tensor/memory_source.h"

namespace lossd {

// Pinned memory; where the device pins none, because there is no more or because the device is lost, memory of the
// system, which is copied all the same, though the caller waits then. Thread-safe.
class PinnedMemory final : public MemorySource {
 public:
  // `pin` returns memory aligned to kBufferAlignment, or null; `unpin` takes it back. Called on any thread, with no
  // lock held.
  using Pin = std::function<std::byte*(size_t bytes)>;
  using Unpin = std::function<void(std::byte* memory)>;
  PinnedMemory(Pin pin, Unpin unpin);

  std::byte* Allocate(size_t bytes) override ABSL_LOCKS_EXCLUDED(mu_);
  void Free(std::byte* memory, size_t bytes) override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const Pin pin_;
  const Unpin unpin_;
  absl::Mutex mu_;
  std::unordered_set<std::byte*> pageable_ ABSL_GUARDED_BY(mu_);  // What is given out of the system's.
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_DEVICE_PINNED_MEMORY_H_
