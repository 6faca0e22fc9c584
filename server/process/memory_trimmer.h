// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Gives memory back to the system that nobody has used for a while.

#ifndef LOSSD_SERVER_PROCESS_MEMORY_TRIMMER_H_
#define LOSSD_SERVER_PROCESS_MEMORY_TRIMMER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "absl/time/time.h"
#include "core/tensor/buffer_pool.h"
#include "server/process/periodic_thread.h"

namespace lossd {

// What a server keeps for reuse is bounded but large: idle buffers, and in the heap what the transport took for the
// largest messages that came at one time, which grows with every larger coincidence. Every period this frees what is
// free of the heap beyond its share of kKeptBytes, and lets idle buffers take what the heap leaves of them: what the
// heap grows by leaves the pool, and the process stays as large as it is.
//
// A server that is full of large messages takes gigabytes and gives them back within each second; there heap and pool
// each keep what they have had in use at one time within the last five to ten, as far as both have no more than calls
// may have, and kKeptBytes. To take it of the system anew, page by page, cost a fifth of the throughput.
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
  static constexpr size_t kMostHeapBytes = kKeptBytes - kLeastBufferBytes;

  struct Heap {
    std::function<size_t()> bytes;                 // What it has of the system, used and free,
    std::function<size_t()> free_bytes;            // and of that what is free.
    std::function<void(size_t kept)> free_beyond;  // Gives back what is free beyond; cheap where that is little.
  };

  // `pool` is not owned and outlives this. `most_in_use`: bytes that calls may have at a time, of heap and pool.
  MemoryTrimmer(BufferPool& pool, Heap heap, size_t most_in_use, absl::Duration period = kPeriod);

  // What the thread does every period.
  void RunPeriod();

 private:
  // The most that was in use at one of the looks since the Trim before the last one, in bytes.
  class RecentUse {
   public:
    void Note(size_t bytes) { since_trim_ = std::max(since_trim_, bytes); }
    void Turn() { before_ = std::exchange(since_trim_, 0); }
    size_t most() const { return std::max(since_trim_, before_); }

   private:
    size_t since_trim_ = 0;
    size_t before_ = 0;  // In the time between the last Trim and the one before.
  };

  void Trim();
  void Balance();
  // What may stay free of the heap, of which so much is used.
  size_t KeptOfHeap(size_t used) const;

  BufferPool& pool_;
  const Heap heap_;
  const size_t most_bytes_;  // Of heap and pool, used and free.
  RecentUse heap_use_;
  RecentUse pool_use_;
  int periods_ = 0;           // Since the last Trim.
  int64_t allocations_ = -1;  // Of the pool, at the last Trim.
  PeriodicThread thread_;     // Last: uses all of the above.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_PROCESS_MEMORY_TRIMMER_H_
