// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Checks golden cases, task by task. All throw nlohmann::json::exception where a case is malformed.

#ifndef LOSSD_CLIENT_CLI_GOLDEN_TASK_CHECKS_H_
#define LOSSD_CLIENT_CLI_GOLDEN_TASK_CHECKS_H_

#include "client/cli/golden/decisions.h"
#include "client/cli/golden/golden_case.h"
#include "client/cli/golden/verdict.h"
#include "client/cpp/client.h"

namespace lossd::cli {

// FeatureMapContrastiveTask: explicit positions must give the stored values, a seed the same positions and the same
// bits, 16-bit inputs the stored values.
Verdict CheckFeatureMapCase(const GoldenCase& golden, const Decision& decision, Client& client);

// CPCTask: parameters drawn by the server must give the stored values, and parameters sent the same bits.
Verdict CheckCpcCase(const GoldenCase& golden, const Decision& decision, Client& client);

// A parameter set of CPCTask: drawn by the server and sent along, it must give the same bits.
Verdict CheckCpcParameters(const GoldenCase& golden, Client& client);

// nt_xent_loss.
Verdict CheckNtXentCase(const GoldenCase& golden, const Decision& decision, Client& client);

// The streams of torch.randint and numpy.random.randint, seen through positions and comparisons that a server draws.
Verdict CheckRandomStreams(const GoldenCase& golden, Client& client);

// The grammar of comparisons, row by row. What the reference accepts beyond ASCII must be refused.
Verdict CheckComparisonGrammar(const GoldenCase& golden, Client& client);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_GOLDEN_TASK_CHECKS_H_
