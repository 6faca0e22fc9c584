// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/check_case.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/golden/decisions.h"
#include "client/cli/golden/task_checks.h"

namespace lossd::cli {
namespace {

Verdict Dispatch(const GoldenCase& golden, Client& client) {
  if (golden.task == "RNG") return CheckRandomStreams(golden, client);
  if (golden.task == "FeatureMapContrastiveTask.parse_map_indexes") return CheckComparisonGrammar(golden, client);
  if (golden.task == "CPCTask parameters") return CheckCpcParameters(golden, client);
  if (golden.task == "CPCTask initialisation") return {Outcome::kSkipped, "no answer carries parameters"};
  const Decision decision = DecisionFor(golden);
  if (decision.rule == Rule::kSkip) return {Outcome::kSkipped, std::string(decision.reason)};
  if (golden.task == "FeatureMapContrastiveTask") return CheckFeatureMapCase(golden, decision, client);
  if (golden.task == "CPCTask") return CheckCpcCase(golden, decision, client);
  if (golden.task == "nt_xent_loss") return CheckNtXentCase(golden, decision, client);
  return {Outcome::kFailed, absl::StrCat("task '", golden.task, "' is not known")};
}

}  // namespace

Verdict CheckCase(const GoldenCase& golden, Client& client) {
  try {
    return Dispatch(golden, client);
  } catch (const nlohmann::json::exception& error) {
    return {Outcome::kFailed, absl::StrCat("malformed case.json: ", error.what())};
  }
}

}  // namespace lossd::cli
