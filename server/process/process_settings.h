// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a process that serves sets for the libraries it is made of.

#ifndef LOSSD_SERVER_PROCESS_PROCESS_SETTINGS_H_
#define LOSSD_SERVER_PROCESS_PROCESS_SETTINGS_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"

namespace lossd {

// Chooses speed over diagnosis, and steady memory over little; has a log that may not grow any more fail rather than
// end the process; puts /dev/null where standard input, output or error are closed, so that nothing else gets their
// numbers. To be called first of all, before a thread is started or a file opened.
void ApplyProcessSettings();

// Whether the process may have so many more threads at a time; an error says how many it got. gRPC does not come back
// from a thread that it cannot start, and neither does a stop.
absl::Status CheckThreads(int64_t threads);

// Memory that the heap has of the system, used and free, in bytes. 0 if the allocator does not say. Thread-safe.
size_t HeapBytes();
// Of these, pages that are free. 0 if the allocator does not say. Thread-safe.
size_t FreeHeapBytes();

// Gives what is free of the heap beyond `kept` bytes back to the system, unless that is less than a few megabytes. It
// goes in runs of pages, with which more may go than was asked for. Thread-safe; takes milliseconds where it is much,
// and so does taking it again.
void FreeHeapBeyond(size_t kept);

}  // namespace lossd

#endif  // LOSSD_SERVER_PROCESS_PROCESS_SETTINGS_H_
