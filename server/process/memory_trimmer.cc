// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/memory_trimmer.h"

#include <algorithm>
#include <utility>

namespace lossd {

MemoryTrimmer::MemoryTrimmer(BufferPool& pool, Heap heap, absl::Duration period)
    : pool_(pool), heap_(std::move(heap)), thread_("lossd-trimmer", period, [this] { RunPeriod(); }) {}

void MemoryTrimmer::RunPeriod() {
  if (++periods_ == kTrimPeriods) {
    periods_ = 0;
    Trim();
  }
  Balance();
}

void MemoryTrimmer::Trim() {
  pool_.FreeUnused();
  const int64_t allocations = pool_.allocations();
  const bool quiet = std::exchange(allocations_, allocations) == allocations && pool_.live_bytes() == 0;
  if (quiet) heap_.free_beyond(0);
}

void MemoryTrimmer::Balance() {
  constexpr size_t kMostHeapBytes = kKeptBytes - kLeastBufferBytes;
  heap_.free_beyond(kMostHeapBytes);
  pool_.BoundIdle(kKeptBytes - std::min(heap_.bytes(), kMostHeapBytes));
}

}  // namespace lossd
