// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process_settings.h"

#include <cstddef>

#include "absl/synchronization/mutex.h"

#ifdef LOSSD_TCMALLOC
#include <gperftools/malloc_extension.h>
#endif

namespace lossd {

void FreeUnusedHeap() {
#ifdef LOSSD_TCMALLOC
  constexpr size_t kWorthReturning = size_t{4} << 20;  // Less a server needs again for its next calls.
  size_t free_bytes = 0;
  MallocExtension::instance()->GetNumericProperty("tcmalloc.pageheap_free_bytes", &free_bytes);
  if (free_bytes >= kWorthReturning) MallocExtension::instance()->ReleaseFreeMemory();
#endif
}

void ApplyProcessSettings() {
  // Debian's Abseil is built with assertions, and then keeps a graph of the order in which locks are taken. gRPC uses
  // the same mutexes. Tests leave it on.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

}  // namespace lossd
