// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The signals that ask a process to end, for those who wait for them instead of being interrupted.

#ifndef LOSSD_CORE_PROCESS_TERMINATION_SIGNALS_H_
#define LOSSD_CORE_PROCESS_TERMINATION_SIGNALS_H_

#include <signal.h>

namespace lossd {

// SIGINT and SIGTERM.
sigset_t TerminationSignals();

// Waits for one of them and returns its number. They must be blocked in every thread of the process. Thread-safe: each
// signal wakes one of those who wait.
int AwaitTerminationSignal();

}  // namespace lossd

#endif  // LOSSD_CORE_PROCESS_TERMINATION_SIGNALS_H_
