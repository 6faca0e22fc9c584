// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/memory_trimmer.h"

#include <algorithm>
#include <utility>

namespace lossd {

MemoryTrimmer::MemoryTrimmer(BufferPool& pool, Heap heap, size_t most_in_use, absl::Duration period)
    : pool_(pool),
      heap_(std::move(heap)),
      most_bytes_(most_in_use + kKeptBytes),
      thread_("lossd-trimmer", period, [this] { RunPeriod(); }) {}

void MemoryTrimmer::RunPeriod() {
  if (++periods_ == kTrimPeriods) {
    periods_ = 0;
    Trim();
  }
  Balance();
}

void MemoryTrimmer::Trim() {
  pool_.FreeUnused();
  heap_use_.Turn();
  pool_use_.Turn();
  const int64_t allocations = pool_.allocations();
  const bool quiet = std::exchange(allocations_, allocations) == allocations && pool_.live_bytes() == 0;
  if (quiet) heap_.free_beyond(0);
}

size_t MemoryTrimmer::KeptOfHeap(size_t used) const {
  const size_t taken = used + pool_.live_bytes() + pool_.idle_bytes();
  const size_t room = most_bytes_ - std::min(most_bytes_, taken);
  return std::max(kMostHeapBytes, std::min(heap_use_.most() - used, room));
}

void MemoryTrimmer::Balance() {
  const size_t bytes = heap_.bytes();
  const size_t used = bytes - std::min(bytes, heap_.free_bytes());
  heap_use_.Note(used);
  pool_use_.Note(pool_.live_bytes());
  heap_.free_beyond(KeptOfHeap(used));
  const size_t left = heap_.bytes();
  pool_.BoundIdle(kKeptBytes - std::min(left, kMostHeapBytes),
                  std::min(pool_use_.most(), most_bytes_ - std::min(most_bytes_, left)));
}

}  // namespace lossd
