// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/golden/comparison.h"
#include "client/cli/golden/expectations.h"
#include "client/cli/golden/feature_map_call.h"
#include "client/cli/golden/task_checks.h"
#include "client/cli/golden/tensor_values.h"

namespace lossd::cli {
namespace {

using client::ComputeResponse;

// Where answers are right without stored values: they agree with other requests of the same meaning, within this.
constexpr Tolerance kSameMeaning = {1e-5, 1e-7};

std::vector<double> OutputValues(const ComputeResponse& response, absl::string_view name) {
  const client::ResultTensor* const tensor = response.output(name);
  return tensor == nullptr ? std::vector<double>() : ToDoubles(tensor->spec(), tensor->bytes());
}

void ExpectStoredValues(const GoldenCase& golden, const FeatureMapCall& call, const ComputeResponse& response,
                        Findings& findings) {
  if (call.expected.is_null()) return;
  ExpectOutput(golden, "losses", call.expected.at("losses"), response, findings);
  ExpectOutput(golden, "regularizer", call.expected.at("regularizer"), response, findings);
  if (call.expected.contains("objective")) {
    ExpectObjective(golden, call.expected.at("objective"), response, findings);
  }
  ExpectGradients(golden, call.expected.at("gradients"), MapName, response, findings);
}

// The answer says which maps were compared and which positions drawn: those of the case.
void ExpectEcho(const FeatureMapCall& call, const ComputeResponse& response, Findings& findings) {
  const std::vector<double> pairs(call.pairs.begin(), call.pairs.end());
  findings.Expect(CompareElements("comparisons", OutputValues(response, "comparisons"), pairs, {}));
  if (!call.positions) return;
  const std::vector<double> positions(call.positions->values.begin(), call.positions->values.end());
  findings.Expect(CompareElements("positions", OutputValues(response, "positions"), positions, {}));
}

// Sends seed instead of positions: same draws, same bits.
void ExpectSeedReproduces(const FeatureMapCall& call, const ComputeResponse& explicit_response, Client& client,
                          Findings& findings) {
  if (!call.seed || !call.positions) return;
  const auto response = client.Compute(SeededRequest(call));
  if (!findings.Expect(response.status())) return;
  ExpectEcho(call, *response, findings);
  findings.Expect(CompareBits("seeded sampling", *response, explicit_response));
  findings.Note("positions and seed");
}

// Sends the same values in 16 bits, with float32 gradients.
void ExpectNarrowInputsMatch(const GoldenCase& golden, const FeatureMapCall& call, Client& client, Findings& findings) {
  if (call.narrow_maps.empty()) return;
  client::ComputeRequest request = ExplicitRequest(call, call.narrow_maps);
  request.gradients.dtype = DType::kFloat32;
  const auto response = client.Compute(std::move(request));
  if (!findings.Expect(response.status())) return;
  ExpectStoredValues(golden, call, *response, findings);
  findings.Note(absl::StrCat(DTypeName(call.narrow_maps.front().spec().dtype), " inputs"));
}

// Only flat positions count: the same elements as columns of H*W rows give the same answer.
void ExpectSameAsColumns(const FeatureMapCall& call, const ComputeResponse& response, Client& client,
                         Findings& findings) {
  std::vector<Tensor> columns;
  for (const Tensor& map : call.maps) {
    TensorSpec spec = map.spec();
    if (spec.shape.size() != 4) return;
    spec.shape = {spec.shape[0], spec.shape[1], spec.shape[2] * spec.shape[3], 1};
    columns.emplace_back(std::move(spec), map.buffer());
  }
  FeatureMapCall flat = call;
  const std::vector<double> drawn = OutputValues(response, "positions");
  flat.positions.emplace();
  for (const double position : drawn) flat.positions->values.push_back(static_cast<int32_t>(position));
  const auto again = client.Compute(ExplicitRequest(flat, columns));
  if (!findings.Expect(again.status())) return;
  findings.Expect(CompareElements("losses of the maps as columns", OutputValues(*again, "losses"),
                                  OutputValues(response, "losses"), kSameMeaning));
  for (const client::ResultTensor& gradient : again->gradients) {
    const client::ResultTensor* const whole = response.gradient(gradient.spec().name);
    if (whole == nullptr) continue;
    findings.Expect(CompareElements(absl::StrCat("gradient ", gradient.spec().name, " of the maps as columns"),
                                    ToDoubles(gradient.spec(), gradient.bytes()),
                                    ToDoubles(whole->spec(), whole->bytes()), kSameMeaning));
  }
}

// Comparisons do not touch each other: each alone, with its positions, has its loss.
void ExpectSumOfSingleComparisons(const FeatureMapCall& call, const ComputeResponse& response, Client& client,
                                  Findings& findings) {
  const std::vector<double> losses = OutputValues(response, "losses");
  const std::vector<double> positions = OutputValues(response, "positions");
  for (size_t k = 0; k < losses.size(); ++k) {
    FeatureMapCall single = call;
    single.loss.comparisons = absl::StrCat(call.pairs[2 * k], ":", call.pairs[2 * k + 1]);
    single.positions.emplace();
    const size_t count = positions.size() / losses.size();
    for (size_t i = 0; i < count; ++i) {
      single.positions->values.push_back(static_cast<int32_t>(positions[k * count + i]));
    }
    const auto alone = client.Compute(ExplicitRequest(single, single.maps));
    if (!findings.Expect(alone.status())) return;
    findings.Expect(CompareElements(absl::StrCat("losses of ", single.loss.comparisons, " alone"),
                                    OutputValues(*alone, "losses"), {losses[k]}, kSameMeaning));
  }
}

Verdict Judge(const GoldenCase& golden, const Decision& decision, const std::vector<FeatureMapCall>& calls,
              Client& client) {
  Findings findings;
  for (const FeatureMapCall& call : calls) {
    const auto response = client.Compute(AnyRequest(call));
    const bool refused = response.status().code() == absl::StatusCode::kInvalidArgument;
    const bool may_refuse = decision.rule == Rule::kRefuse || decision.rule == Rule::kMatchOrRefuse;
    if (refused && may_refuse) return {Outcome::kRefused, std::string(response.status().message())};
    if (decision.rule == Rule::kInform && !response.ok()) return {Outcome::kInformative, StatusText(response.status())};
    if (!findings.Expect(response.status())) break;
    if (decision.rule == Rule::kRefuse) return {Outcome::kFailed, "expected INVALID_ARGUMENT, got an answer"};
    ExpectStoredValues(golden, call, *response, findings);
    ExpectEcho(call, *response, findings);
    ExpectSeedReproduces(call, *response, client, findings);
    ExpectNarrowInputsMatch(golden, call, client, findings);
    if (!call.expected.is_null()) continue;
    findings.Expect(ExpectFinite(*response));
    ExpectSameAsColumns(call, *response, client, findings);
    ExpectSumOfSingleComparisons(call, *response, client, findings);
  }
  if (!decision.reason.empty()) findings.Note(decision.reason);
  Verdict verdict = findings.Conclude(Outcome::kPassed);
  if (decision.rule == Rule::kInform) return {Outcome::kInformative, verdict.detail};
  return verdict;
}

}  // namespace

Verdict CheckFeatureMapCase(const GoldenCase& golden, const Decision& decision, Client& client) {
  const auto calls = FeatureMapCalls(golden);
  if (!calls.ok()) return {Outcome::kFailed, std::string(calls.status().message())};
  return Judge(golden, decision, *calls, client);
}

}  // namespace lossd::cli
