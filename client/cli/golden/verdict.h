// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What came out of checking a golden case.

#ifndef LOSSD_CLIENT_CLI_GOLDEN_VERDICT_H_
#define LOSSD_CLIENT_CLI_GOLDEN_VERDICT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace lossd::cli {

enum class Outcome {
  kPassed,       // The answer is right.
  kFailed,       // It is not.
  kRefused,      // The request was refused, as it should or may be.
  kInformative,  // Asked and shown; neither right nor wrong.
  kSkipped,      // Has no counterpart on the wire, or lacks files.
};

// "passed", "failed", "refused as expected", "informative", "skipped".
absl::string_view OutcomeName(Outcome outcome);

struct Verdict {
  Outcome outcome;
  std::string detail;  // Why, or what was compared.
};

// "INVALID_ARGUMENT: text", without details.
std::string StatusText(const absl::Status& status);

// Gathers what is wrong and what was looked at while a case is checked, so that one difference does not hide the
// others. Not thread-safe.
class Findings {
 public:
  // Takes note of `status` if it is an error. Returns whether it is OK.
  bool Expect(const absl::Status& status);
  // Takes note of something to show.
  void Note(absl::string_view text);

  // kFailed with the first three problems, if there are any; else `outcome` with the notes.
  Verdict Conclude(Outcome outcome) const;

 private:
  std::vector<std::string> problems_;
  std::vector<std::string> notes_;
};

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_GOLDEN_VERDICT_H_
