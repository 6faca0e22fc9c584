// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Recycled, aligned memory for payloads, gradients and workspaces.

#ifndef LOSSD_CORE_TENSOR_BUFFER_POOL_H_
#define LOSSD_CORE_TENSOR_BUFFER_POOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/tensor/memory_source.h"

namespace lossd {

// Alignment of every buffer, in bytes: a cache line, and an AVX-512 register.
inline constexpr size_t kBufferAlignment = 64;

// The bytes that `bytes` >= 0 take where what follows them is aligned like a buffer.
constexpr int64_t AlignedSize(int64_t bytes) {
  constexpr auto kAlignment = static_cast<int64_t>(kBufferAlignment);
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// A block of memory that is shared by its handles and goes back to its pool when the last handle is gone. Copying a
// handle is cheap and thread-safe; the bytes themselves are not guarded. A default-constructed handle is empty.
// Handles may outlive the pool.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer& other) : block_(other.block_) {
    if (block_ != nullptr) block_->handles.fetch_add(1, std::memory_order_relaxed);
  }
  Buffer(Buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Buffer() {
    // What was done through other handles is done before the memory serves anew.
    if (block_ != nullptr && block_->handles.fetch_sub(1, std::memory_order_acq_rel) == 1) Return(block_);
  }

  // First byte, aligned to kBufferAlignment; null if empty.
  std::byte* data() const { return block_ == nullptr ? nullptr : block_->data; }
  // Usable bytes, at least what was asked for.
  size_t capacity() const { return block_ == nullptr ? 0 : block_->bytes; }
  explicit operator bool() const { return block_ != nullptr; }

 private:
  friend class BufferPool;
  class Shelves;

  // What handles share. Lives as long as the memory, idle or not, so that recycled memory costs no allocation.
  struct Block {
    std::byte* data;
    size_t bytes;
    int size_class;
    size_t idle_bytes = 0;  // From the first on, that count as idle: of a mapping perhaps not all. 0 if in use.
    std::atomic<int64_t> handles = 0;
    std::shared_ptr<Shelves> shelves = nullptr;  // Where it goes back to; null while it is there.
  };

  // Takes over one handle that is already counted.
  explicit Buffer(Block* block) : block_(block) {}
  static void Return(Block* block);

  Block* block_ = nullptr;  // Owned by all handles together.
};

// Buffers of so many bytes and more are mappings of their own, in huge pages where the system has them: fewer page
// faults when they are fresh, fewer misses of address translations later, and back to the system, all of them, when
// they are freed, whatever lies around them.
inline constexpr size_t kMinMappedBytes = size_t{1} << 20;

// Hands out buffers and keeps returned ones for reuse, in size classes four to a power of two, sixteen where they are
// mappings. Thread-safe: one short lock, outside of which the system is asked. The pool bounds what lies idle in it;
// what is in use is bounded by Admission. Fresh and recycled memory is uninitialised.
//
//    bytes of a class   256 | 320 384 448 512 | 640 768 896 1K | ... 1M | 1M + 64K, 1M + 128K, ... 2M | ...
//    shelf of a class    [A oldest . . newest D]   one each, of idle blocks
//
//    Allocate(n)          the newest of the shelf of the smallest class that holds n, else fresh memory
//    last handle gone     onto the newest end of its shelf, on whichever thread that is
//    beyond the bound     the oldest of all shelves go back to the system, one after another
//    FreeUnused           those go that nobody has taken since the call before
//
// So a buffer has up to a quarter more than was asked for, or, as a mapping, a sixteenth; and one that was in use a
// moment ago, and is in the caches, is used first.
class BufferPool {
 public:
  // Keeps at most `max_idle_bytes` of returned memory, of all classes together: beyond that, those that have lain idle
  // longest are freed, so that sizes that nobody asks for any more make room for those of today. The last of them, if
  // it is a mapping, gives back no more of its end than is needed, in huge pages: so a pool that is full stays full,
  // whatever sizes come and go, and a process's memory with it.
  // Memory is that of `source`, in blocks that go back whole; null: of the system, as above.
  explicit BufferPool(size_t max_idle_bytes, std::shared_ptr<MemorySource> source = nullptr);
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  // Returns a buffer of at least `bytes` bytes (also for 0), at least 256. Throws std::bad_alloc if the system has no
  // memory.
  Buffer Allocate(size_t bytes);

  // Keeps from now on at most so much instead, but no more than the constructor was told; and whatever that is, more as
  // long as idle and live bytes together are at most `max_bytes`: who has just had that much in use will have it again.
  // Frees what is beyond at once.
  void BoundIdle(size_t max_idle_bytes, size_t max_bytes = 0);

  // Frees the buffers that have lain idle since the call before; the first call frees none.
  void FreeUnused();

  // Buffers handed out so far.
  int64_t allocations() const;
  // Bytes that lie idle in the pool.
  size_t idle_bytes() const;
  // Bytes handed out and not yet returned.
  size_t live_bytes() const;

 private:
  // Shared with live buffers, so that these may outlive the pool.
  const std::shared_ptr<Buffer::Shelves> shelves_;
};

}  // namespace lossd

#endif  // LOSSD_CORE_TENSOR_BUFFER_POOL_H_
