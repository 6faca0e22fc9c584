// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Who may take how many of the process's file descriptors.

#ifndef LOSSD_SERVER_PROCESS_DESCRIPTOR_BUDGET_H_
#define LOSSD_SERVER_PROCESS_DESCRIPTOR_BUDGET_H_

#include <cstdint>

namespace lossd {

// A quarter of them, 16 to 256, is set aside for operators and for files, so that probes and metrics are answered when
// clients have taken the rest:
//
//    0                                        below      limit
//    |-- connections of the service, files ... --|-- admin 3/8, HTTP 3/8, files 1/4 --|
struct DescriptorBudget {
  int64_t below = 0;  // Connections of the service have descriptors below this.
  int64_t admin = 0;  // Connections of the admin server at most.
  int64_t http = 0;   // Connections of the HTTP server at most.
};

// The budget of a process that may have `limit` descriptors.
DescriptorBudget BudgetOf(int64_t limit);

// What this process may have now (RLIMIT_NOFILE).
int64_t DescriptorLimit();

}  // namespace lossd

#endif  // LOSSD_SERVER_PROCESS_DESCRIPTOR_BUDGET_H_
