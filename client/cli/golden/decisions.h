// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What lossd does with golden cases that the reference refuses or cannot be asked for over a wire.

#ifndef LOSSD_CLIENT_CLI_GOLDEN_DECISIONS_H_
#define LOSSD_CLIENT_CLI_GOLDEN_DECISIONS_H_

#include "absl/strings/string_view.h"
#include "client/cli/golden/golden_case.h"

namespace lossd::cli {

// How a case is judged.
enum class Rule {
  kMatch,          // The answer is within the case's tolerances.
  kMatchOrRefuse,  // Likewise, or INVALID_ARGUMENT.
  kInform,         // Any answer; shown.
  kRefuse,         // INVALID_ARGUMENT.
  kAnswer,         // The reference refuses what has a clear meaning; lossd answers, and rightly.
  kSkip,           // No counterpart on the wire.
};

struct Decision {
  Rule rule;
  absl::string_view reason;  // Of kAnswer and kSkip.
};

// By the case's `compare`, and for `error` by its name: an error case that is not known by name is to be refused. kSkip
// for any other `compare`.
Decision DecisionFor(const GoldenCase& golden);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_GOLDEN_DECISIONS_H_
