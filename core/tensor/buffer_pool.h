// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Recycled, aligned memory for payloads, gradients and workspaces.

#ifndef LOSSD_CORE_TENSOR_BUFFER_POOL_H_
#define LOSSD_CORE_TENSOR_BUFFER_POOL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace lossd {

// Alignment of every buffer, in bytes: a cache line, and an AVX-512 register.
inline constexpr size_t kBufferAlignment = 64;

// A block of memory that is shared by its handles and goes back to its pool when the last handle is gone. Copying a
// handle is cheap and thread-safe; the bytes themselves are not guarded. A default-constructed handle is empty.
// Handles may outlive the pool.
class Buffer {
 public:
  Buffer() = default;

  // First byte, aligned to kBufferAlignment; null if empty.
  std::byte* data() const { return data_.get(); }
  // Usable bytes, at least what was asked for.
  size_t capacity() const { return capacity_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  friend class BufferPool;
  Buffer(std::shared_ptr<std::byte> data, size_t capacity) : data_(std::move(data)), capacity_(capacity) {}

  std::shared_ptr<std::byte> data_;
  size_t capacity_ = 0;
};

// Buffers of so many bytes and more are mappings of their own, in huge pages where the system has them: fewer page
// faults when they are fresh, fewer misses of address translations later, and back to the system, all of them, when
// they are freed, whatever lies around them.
inline constexpr size_t kMinMappedBytes = size_t{1} << 20;

// Hands out buffers and keeps returned ones for reuse, in size classes four to a power of two. Thread-safe. The pool
// bounds what lies idle in it; what is in use is bounded by Admission. Fresh and recycled memory is uninitialised.
class BufferPool {
 public:
  // Keeps at most `max_idle_bytes` of returned memory, of all classes together: beyond that, those that have lain idle
  // longest are freed, so that sizes that nobody asks for any more make room for those of today.
  explicit BufferPool(size_t max_idle_bytes);
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  // Returns a buffer of at least `bytes` bytes (also for 0). Throws std::bad_alloc if the system has no memory.
  Buffer Allocate(size_t bytes);

  // Frees the buffers that have lain idle since the call before.
  void FreeUnused();

  // Buffers handed out so far.
  int64_t allocations() const;
  // Bytes that lie idle in the pool.
  size_t idle_bytes() const;
  // Bytes handed out and not yet returned.
  size_t live_bytes() const;

 private:
  class Shelves;
  // Shared with live buffers, so that these may outlive the pool.
  const std::shared_ptr<Shelves> shelves_;
};

}  // namespace lossd

#endif  // LOSSD_CORE_TENSOR_BUFFER_POOL_H_
