// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/process_settings.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

#ifdef LOSSD_TCMALLOC
#include <gperftools/malloc_extension.h>
#endif

namespace lossd {
namespace {

// 0 where there is none of this name.
size_t HeapProperty([[maybe_unused]] const char* name) {
  size_t value = 0;
#ifdef LOSSD_TCMALLOC
  MallocExtension::instance()->GetNumericProperty(name, &value);
#endif
  return value;
}

}  // namespace

size_t HeapBytes() { return HeapProperty("generic.total_physical_bytes"); }

size_t FreeHeapBytes() { return HeapProperty("tcmalloc.pageheap_free_bytes"); }

void FreeHeapBeyond(size_t kept) {
  constexpr size_t kWorthReturning = size_t{4} << 20;  // Less a server needs again for its next calls.
  const size_t free_bytes = FreeHeapBytes();
  if (free_bytes < kept + kWorthReturning) return;
#ifdef LOSSD_TCMALLOC
  // ReleaseToSystem counts what an earlier call gave back beyond what it was asked for; ReleaseFreeMemory does not.
  if (kept == 0) {
    MallocExtension::instance()->ReleaseFreeMemory();
  } else {
    MallocExtension::instance()->ReleaseToSystem(free_bytes - kept);
  }
#endif
}

void ApplyProcessSettings() {
  // Debian's Abseil is built with assertions, and then keeps a graph of the order in which locks are taken. gRPC uses
  // the same mutexes. Tests leave it on.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  std::signal(SIGXFSZ, SIG_IGN);
  for (int fd = open("/dev/null", O_RDWR); fd >= 0; fd = dup(fd)) {
    if (fd <= STDERR_FILENO) continue;
    close(fd);
    break;
  }
}

absl::Status CheckThreads(int64_t threads) {
  absl::Notification end;
  std::vector<std::thread> started;
  std::string reason;
  try {
    while (static_cast<int64_t>(started.size()) < threads) {
      started.emplace_back([&end] { end.WaitForNotification(); });
    }
  } catch (const std::system_error& error) {
    reason = error.what();
  }
  end.Notify();
  for (std::thread& thread : started) thread.join();
  if (reason.empty()) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("threads: expected room for ", threads, " more, got ",
                                                   started.size(), " (", reason,
                                                   "); see `ulimit -u` and the cgroup's pids.max"));
}

}  // namespace lossd
