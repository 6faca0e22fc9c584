// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/memory_trimmer.h"

#include <utility>

namespace lossd {

MemoryTrimmer::MemoryTrimmer(BufferPool& pool, std::function<void()> trim_heap, absl::Duration period)
    : pool_(pool), trim_heap_(std::move(trim_heap)), thread_("lossd-trimmer", period, [this] { Trim(); }) {}

void MemoryTrimmer::Trim() {
  pool_.FreeUnused();
  const int64_t allocations = pool_.allocations();
  const bool quiet = std::exchange(allocations_, allocations) == allocations && pool_.live_bytes() == 0;
  if (quiet) trim_heap_();
}

}  // namespace lossd
