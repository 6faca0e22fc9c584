// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process_settings.h"

#include "absl/synchronization/mutex.h"

#ifdef LOSSD_TCMALLOC
#include <gperftools/malloc_extension.h>
#endif

namespace lossd {

void FreeUnusedHeap() {
#ifdef LOSSD_TCMALLOC
  MallocExtension::instance()->ReleaseFreeMemory();
#endif
}

void ApplyProcessSettings() {
  // Debian's Abseil is built with assertions, and then keeps a graph of the order in which locks are taken. gRPC uses
  // the same mutexes. Tests leave it on.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

}  // namespace lossd
