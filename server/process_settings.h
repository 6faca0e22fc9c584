// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a process that serves sets for the libraries it is made of.

#ifndef LOSSD_SERVER_PROCESS_SETTINGS_H_
#define LOSSD_SERVER_PROCESS_SETTINGS_H_

namespace lossd {

// Chooses speed over diagnosis, and steady memory over little. To be called first of all, before a thread is started.
void ApplyProcessSettings();

// Gives all of the heap that is free back to the system, unless that is less than a few megabytes. Thread-safe; takes
// milliseconds where it is much, and so does taking it again.
void FreeUnusedHeap();

}  // namespace lossd

#endif  // LOSSD_SERVER_PROCESS_SETTINGS_H_
