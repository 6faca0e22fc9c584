// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/heap_watch.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>

// NOLINTBEGIN(bugprone-reserved-identifier): the C library's names.
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* memory);
}
// NOLINTEND(bugprone-reserved-identifier)

namespace lossd::bench {
namespace {

std::atomic<int64_t> allocations = 0;
std::atomic<int64_t> total = 0;
std::atomic<int64_t> bytes = 0;
std::atomic<int64_t> peak = 0;

void CountBytes(int64_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  total.fetch_add(size, std::memory_order_relaxed);
  bytes.fetch_add(size, std::memory_order_relaxed);
}

void NotePeak() {
  const int64_t now = bytes.load(std::memory_order_relaxed);
  int64_t highest = peak.load(std::memory_order_relaxed);
  while (now > highest && !peak.compare_exchange_weak(highest, now, std::memory_order_relaxed)) {
  }
}

void* Count(void* memory) {
  if (memory != nullptr) {
    CountBytes(static_cast<int64_t>(malloc_usable_size(memory)));
    NotePeak();
  }
  return memory;
}

void Uncount(void* memory) {
  if (memory != nullptr) bytes.fetch_sub(static_cast<int64_t>(malloc_usable_size(memory)), std::memory_order_relaxed);
}

}  // namespace

void StartHeapWatch() {
  allocations = 0;
  total = 0;
  bytes = 0;
  peak = 0;
}

HeapUse ReadHeapWatch() {
  NotePeak();
  return {allocations, total, peak};
}

}  // namespace lossd::bench

extern "C" {

void* malloc(size_t size) { return lossd::bench::Count(__libc_malloc(size)); }
void* calloc(size_t count, size_t size) { return lossd::bench::Count(__libc_calloc(count, size)); }
void* memalign(size_t alignment, size_t size) { return lossd::bench::Count(__libc_memalign(alignment, size)); }
void* aligned_alloc(size_t alignment, size_t size) { return lossd::bench::Count(__libc_memalign(alignment, size)); }
void* realloc(void* memory, size_t size) {
  lossd::bench::Uncount(memory);
  return lossd::bench::Count(__libc_realloc(memory, size));
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
  *memory = lossd::bench::Count(__libc_memalign(alignment, size));
  return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) {
  lossd::bench::Uncount(memory);
  __libc_free(memory);
}
// The C library's own calls do not come by here. A mapping counts for the peak from the next allocation on: what is
// cut off its ends at once, so that it begins at a huge page, was never memory.
void* mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): it is an address.
  void* const memory = reinterpret_cast<void*>(syscall(SYS_mmap, address, size, protection, flags, fd, offset));
  if (memory != MAP_FAILED && (flags & MAP_ANONYMOUS) != 0) lossd::bench::CountBytes(static_cast<int64_t>(size));
  return memory;
}
void* mmap64(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
  return mmap(address, size, protection, flags, fd, offset);
}
int munmap(void* memory, size_t size) {
  const int result = static_cast<int>(syscall(SYS_munmap, memory, size));
  if (result == 0) lossd::bench::bytes.fetch_sub(static_cast<int64_t>(size), std::memory_order_relaxed);
  return result;
}

}  // extern "C"
