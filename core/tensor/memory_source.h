// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Where a pool has its memory from, if not from the system.

#ifndef LOSSD_CORE_TENSOR_MEMORY_SOURCE_H_
#define LOSSD_CORE_TENSOR_MEMORY_SOURCE_H_

#include <cstddef>

namespace lossd {

// Thread-safe.
class MemorySource {
 public:
  virtual ~MemorySource() = default;

  // `bytes` bytes aligned to kBufferAlignment; null if there are none.
  virtual std::byte* Allocate(size_t bytes) = 0;
  // Takes back what Allocate(bytes) returned.
  virtual void Free(std::byte* memory, size_t bytes) = 0;
};

}  // namespace lossd

#endif  // LOSSD_CORE_TENSOR_MEMORY_SOURCE_H_
