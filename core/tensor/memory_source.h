// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Where a pool has its memory from, if not from the system.

#ifndef LOSSD_CORE_TENSOR_MEMORY_SOURCE_H_
#define LOSSD_CORE_TENSOR_MEMORY_SOURCE_H_

#include <cstddef>

namespace lossd {

// As pinned memory that a device copies from. Thread-safe; may take long: a pool asks it with no lock held. Outlives
// the pool and its buffers, which share it.
class MemorySource {
 public:
  virtual ~MemorySource() = default;

  // `bytes` bytes aligned to kBufferAlignment, whatever they hold; null if there are none. `bytes` is that of a size
  // class of BufferPool.
  virtual std::byte* Allocate(size_t bytes) = 0;
  // Takes back what Allocate(bytes) returned, with the same `bytes`, on any thread.
  virtual void Free(std::byte* memory, size_t bytes) = 0;
};

}  // namespace lossd

#endif  // LOSSD_CORE_TENSOR_MEMORY_SOURCE_H_
