// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process_settings.h"

#include <malloc.h>

#include <algorithm>

#include "absl/synchronization/mutex.h"
#include "server/cpu_quota.h"

namespace lossd {
namespace {

constexpr int kMiB = 1 << 20;
constexpr int kProcessorsPerArena = 4;

// The transport takes and returns blocks of some tens of kilobytes for every message. glibc's defaults give memory back
// to the system as soon as 128 KiB lie free at the end of an arena, only to ask for it again, page fault by page fault,
// with the next message. Up to 256 MiB stay here, and are given back when nobody calls (MemoryTrimmer).
void KeepMemory() {
  mallopt(M_MMAP_THRESHOLD, 32 * kMiB);  // The most there is; setting it also ends its drift.
  mallopt(M_TRIM_THRESHOLD, 256 * kMiB);
  mallopt(M_TOP_PAD, 4 * kMiB);
  // An arena keeps what its threads have freed from all others. With one, 8,000 calls of 1 KB to 64 MB on two
  // processors leave 634 MB resident, with one a thread 948 MB, and no call takes longer.
  mallopt(M_ARENA_MAX, std::max(1, UsableProcessors() / kProcessorsPerArena));
}

}  // namespace

void FreeUnusedHeap() { malloc_trim(/*pad=*/0); }

void ApplyProcessSettings() {
  KeepMemory();
  // Debian's Abseil is built with assertions, and then keeps a graph of the order in which locks are taken. gRPC uses
  // the same mutexes. Tests leave it on.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

}  // namespace lossd
