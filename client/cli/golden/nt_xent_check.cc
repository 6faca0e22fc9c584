// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/golden/expectations.h"
#include "client/cli/golden/task_checks.h"
#include "core/status/status_macros.h"

namespace lossd::cli {
namespace {

using nlohmann::json;

absl::StatusOr<client::ComputeRequest> RequestOf(const GoldenCase& golden) {
  client::ComputeRequest request;
  client::NtXent loss;
  loss.temperature = Number(golden.json.at("params").at("temperature"));
  request.loss = loss;
  for (const json& input : golden.json.at("inputs")) {
    LOSSD_ASSIGN_OR_RETURN(const Tensor tensor, golden.Load(input.at("file"), input.at("name")));
    request.inputs.push_back(client::InputTensor::Share(tensor));
  }
  return request;
}

void ExpectStoredValues(const GoldenCase& golden, const client::ComputeResponse& response, Findings& findings) {
  const json& expected = golden.json.at("expected");
  ExpectObjective(golden, expected.at("loss"), response, findings);
  ExpectOutput(golden, "loss", expected.at("loss"), response, findings);
  ExpectGradients(
      golden, expected.at("gradients"), [](const std::string& name) { return name; }, response, findings);
}

// The reference's loss counts where it is reliable; its gradients overflow or underflow.
Verdict Inform(const GoldenCase& golden, const client::ComputeResponse& response) {
  Findings shown;
  ExpectStoredValues(golden, response, shown);
  const std::string differences = shown.Conclude(Outcome::kInformative).detail;
  if (!golden.json.at("expected").at("loss").value("reliable", false)) return {Outcome::kInformative, differences};
  Findings loss;
  ExpectObjective(golden, golden.json.at("expected").at("loss"), response, loss);
  Verdict verdict = loss.Conclude(Outcome::kInformative);
  if (verdict.outcome == Outcome::kFailed) return verdict;
  return {Outcome::kInformative, absl::StrCat("the loss agrees", differences.empty() ? "" : "; ", differences)};
}

}  // namespace

Verdict CheckNtXentCase(const GoldenCase& golden, const Decision& decision, Client& client) {
  Findings findings;
  auto request = RequestOf(golden);
  if (!findings.Expect(request.status())) return findings.Conclude(Outcome::kFailed);
  const auto response = client.Compute(*std::move(request));
  const bool refused = response.status().code() == absl::StatusCode::kInvalidArgument;
  const bool may_refuse = decision.rule == Rule::kRefuse || decision.rule == Rule::kMatchOrRefuse;
  if (refused && may_refuse) return {Outcome::kRefused, std::string(response.status().message())};
  if (decision.rule == Rule::kInform && !response.ok()) return {Outcome::kInformative, StatusText(response.status())};
  if (!findings.Expect(response.status())) return findings.Conclude(Outcome::kFailed);
  if (decision.rule == Rule::kRefuse) return {Outcome::kFailed, "expected INVALID_ARGUMENT, got an answer"};
  if (decision.rule == Rule::kInform) return Inform(golden, *response);
  ExpectStoredValues(golden, *response, findings);
  return findings.Conclude(Outcome::kPassed);
}

}  // namespace lossd::cli
