// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/memory_trimmer.h"

#include <algorithm>
#include <utility>

namespace lossd {

MemoryTrimmer::MemoryTrimmer(BufferPool& pool, Heap heap, size_t most_in_use, absl::Duration period)
    : pool_(pool),
      heap_(std::move(heap)),
      most_in_use_(most_in_use),
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
  most_used_before_ = std::exchange(most_used_, 0);
  const int64_t allocations = pool_.allocations();
  const bool quiet = std::exchange(allocations_, allocations) == allocations && pool_.live_bytes() == 0;
  if (quiet) heap_.free_beyond(0);
}

size_t MemoryTrimmer::KeptOfHeap(size_t used) const {
  const size_t in_use = used + pool_.live_bytes();
  const size_t room = most_in_use_ - std::min(most_in_use_, in_use);
  const size_t wanted = std::max(most_used_, most_used_before_) - used;
  return std::max(kMostHeapBytes, std::min(wanted, room));
}

void MemoryTrimmer::Balance() {
  const size_t bytes = heap_.bytes();
  const size_t used = bytes - std::min(bytes, heap_.free_bytes());
  most_used_ = std::max(most_used_, used);
  heap_.free_beyond(KeptOfHeap(used));
  pool_.BoundIdle(kKeptBytes - std::min(heap_.bytes(), kMostHeapBytes));
}

}  // namespace lossd
