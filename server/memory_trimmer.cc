// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/memory_trimmer.h"

#include <pthread.h>

#include <utility>

namespace lossd {

MemoryTrimmer::MemoryTrimmer(BufferPool& pool, Clock& clock, std::function<void()> trim_heap)
    : pool_(pool), clock_(clock), trim_heap_(std::move(trim_heap)), thread_([this] {
        pthread_setname_np(pthread_self(), "lossd-trimmer");
        Run();
      }) {}

MemoryTrimmer::~MemoryTrimmer() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
}

void MemoryTrimmer::Run() {
  while (true) {
    {
      absl::MutexLock lock(&mu_);
      if (clock_.AwaitWithDeadline(&mu_, absl::Condition(&stopping_), clock_.TimeNow() + kPeriod)) return;
    }
    Trim();
  }
}

void MemoryTrimmer::Trim() {
  pool_.FreeUnused();
  const int64_t allocations = pool_.allocations();
  const bool quiet = std::exchange(allocations_, allocations) == allocations && pool_.live_bytes() == 0;
  if (quiet && !trimmed_) trim_heap_();
  trimmed_ = quiet;
}

}  // namespace lossd
