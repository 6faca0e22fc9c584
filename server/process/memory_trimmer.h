// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Gives memory back to the system that nobody has used for a while.

#ifndef LOSSD_SERVER_PROCESS_MEMORY_TRIMMER_H_
#define LOSSD_SERVER_PROCESS_MEMORY_TRIMMER_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/time/time.h"
#include "core/tensor/buffer_pool.h"
#include "server/process/periodic_thread.h"

namespace lossd {

// What a server keeps for reuse is bounded but large: idle buffers, and in the heap what the transport took for the
// largest messages that came at one time, which grows with every larger coincidence. Every period this frees what is
// free of the heap beyond its share of kKeptBytes, and lets idle buffers take what the heap leaves of them: what the
// heap grows by leaves the pool, and the process stays as large as it is.
//
// Every kTrimPeriods it frees the buffers that have lain idle all through them; and if nothing has been computed
// meanwhile, all of the heap that is free, also what messages took that were refused. So a burst's memory is back after
// at most twice that time of quiet.
class MemoryTrimmer {
 public:
  static constexpr absl::Duration kPeriod = absl::Seconds(1);
  static constexpr int kTrimPeriods = 5;
  // The heap and idle buffers together. The latter may have at least kLeastBufferBytes of them, and at most as much as
  // their pool was made for.
  static constexpr size_t kKeptBytes = size_t{480} << 20;
  static constexpr size_t kLeastBufferBytes = size_t{64} << 20;

  struct Heap {
    std::function<size_t()> bytes;                 // What it has of the system, used and free.
    std::function<void(size_t kept)> free_beyond;  // Gives back what is free beyond; cheap where that is little.
  };

  // `pool` is not owned and outlives this.
  MemoryTrimmer(BufferPool& pool, Heap heap, absl::Duration period = kPeriod);

  // What the thread does every period.
  void RunPeriod();

 private:
  void Trim();
  void Balance();

  BufferPool& pool_;
  const Heap heap_;
  int periods_ = 0;           // Since the last Trim.
  int64_t allocations_ = -1;  // Of the pool, at the last Trim.
  PeriodicThread thread_;     // Last: uses all of the above.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_PROCESS_MEMORY_TRIMMER_H_
