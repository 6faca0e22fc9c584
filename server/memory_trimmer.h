// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Gives memory back to the system that nobody has used for a while.

#ifndef LOSSD_SERVER_MEMORY_TRIMMER_H_
#define LOSSD_SERVER_MEMORY_TRIMMER_H_

#include <cstdint>
#include <functional>

#include "absl/time/time.h"
#include "core/tensor/buffer_pool.h"
#include "server/periodic_thread.h"

namespace lossd {

// What a server keeps for reuse is bounded but large: idle buffers (BackendOptions::max_idle_buffer_bytes), and in the
// heap what the transport took for the largest messages that came at one time. Every period this frees the buffers that
// have lain idle all through it; and if nothing has been computed for a whole period, all of the heap that is free,
// also what messages took that were refused. So a burst's memory is back after at most two periods of quiet, and a
// server under steady load pays for nothing.
class MemoryTrimmer {
 public:
  static constexpr absl::Duration kPeriod = absl::Seconds(5);

  // `trim_heap` gives the free part of the heap back, and costs nothing where there is little. `pool` is not owned and
  // outlives this.
  MemoryTrimmer(BufferPool& pool, std::function<void()> trim_heap, absl::Duration period = kPeriod);

  // What the thread does every period.
  void Trim();

 private:
  BufferPool& pool_;
  const std::function<void()> trim_heap_;
  int64_t allocations_ = -1;  // Of the pool, at the last Trim.
  PeriodicThread thread_;     // Last: uses all of the above.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_MEMORY_TRIMMER_H_
