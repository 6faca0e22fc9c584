// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Checks one golden case against a server.

#ifndef LOSSD_CLIENT_CLI_GOLDEN_CHECK_CASE_H_
#define LOSSD_CLIENT_CLI_GOLDEN_CHECK_CASE_H_

#include "client/cli/golden/golden_case.h"
#include "client/cli/golden/verdict.h"
#include "client/cpp/client.h"

namespace lossd::cli {

// By the case's task. A malformed case is kFailed, and so is one of a task that is not known. Thread-safe.
Verdict CheckCase(const GoldenCase& golden, Client& client);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_GOLDEN_CHECK_CASE_H_
