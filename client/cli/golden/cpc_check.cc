// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/golden/comparison.h"
#include "client/cli/golden/expectations.h"
#include "client/cli/golden/task_checks.h"
#include "core/status/status_macros.h"

namespace lossd::cli {
namespace {

using nlohmann::json;

// The 44 tensors of a parameter set as inputs; empty where the case stores none of them as a file.
absl::StatusOr<std::vector<Tensor>> LoadParameters(const GoldenCase& parameters) {
  std::vector<Tensor> tensors;
  for (const json& parameter : parameters.json.at("parameters")) {
    const std::string file = parameter.at("file");
    if (!parameters.Has(file)) return std::vector<Tensor>();
    LOSSD_ASSIGN_OR_RETURN(Tensor tensor,
                           parameters.Load(file, absl::StrCat("parameters.", parameter.at("name").get<std::string>())));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

// The gradients of z and of all parameters, under parameters that the server draws from the case's seed.
client::ComputeRequest SeededRequest(const json& params, const Tensor& z) {
  client::Cpc loss;
  loss.target_dim = params.at("target_dim").get<int32_t>();
  if (params.contains("embed_scale")) loss.embed_scale = Number(params.at("embed_scale"));
  loss.init_seed = params.at("init_seed").get<uint64_t>();
  client::ComputeRequest request;
  request.loss = loss;
  request.inputs = {client::InputTensor::Share(z)};
  request.gradients.mode = client::GradientOptions::Mode::kNamed;
  request.gradients.names = {"z", "parameters.*"};
  return request;
}

client::ComputeRequest InlineRequest(const json& params, const Tensor& z, const std::vector<Tensor>& parameters) {
  client::ComputeRequest request = SeededRequest(params, z);
  client::Cpc& loss = std::get<client::Cpc>(request.loss);
  loss.init_seed.reset();
  loss.target_dim.reset();
  for (const Tensor& parameter : parameters) request.inputs.push_back(client::InputTensor::Share(parameter));
  request.gradients = {};
  return request;
}

std::string WireName(const std::string& name) { return name == "z" ? name : absl::StrCat("parameters.", name); }

void ExpectStoredValues(const GoldenCase& golden, const client::ComputeResponse& response, Findings& findings) {
  if (!golden.json.contains("expected")) return;
  const json& expected = golden.json.at("expected");
  ExpectObjective(golden, expected.at("total"), response, findings);
  ExpectOutput(golden, "loss", expected.at("total"), response, findings);
  // The reference's last step, h - 1, has no rows and is NaN; lossd has no such step.
  ExpectOutputPrefix(golden, "step_losses", expected.at("L_i"), response, findings);
  ExpectGradients(golden, expected.at("gradients"), WireName, response, findings);
}

void ExpectSameBitsInline(const json& params, const Tensor& z, const std::vector<Tensor>& parameters,
                          const client::ComputeResponse& seeded, Client& client, Findings& findings) {
  const auto response = client.Compute(InlineRequest(params, z, parameters));
  if (!findings.Expect(response.status())) return;
  findings.Expect(CompareBits("parameters sent along", *response, seeded));
  findings.Note("init_seed and parameters sent along");
}

// NaN in z: the objective is NaN, and z is named.
void ExpectNanIsNamed(const client::ComputeResponse& response, Findings& findings) {
  for (const std::string& name : response.nonfinite) {
    if (name == "z" && std::isnan(response.objective)) return;
  }
  findings.Expect(absl::OutOfRangeError(
      absl::StrFormat("expected the objective nan and z among nonfinite, got %g", response.objective)));
}

// What lossd answers where the reference fails.
Verdict JudgeAnswer(const GoldenCase& golden, const Decision& decision, const Tensor& z,
                    const std::vector<Tensor>& parameters, const client::ComputeResponse& response, Client& client) {
  Findings findings;
  if (golden.name == "cpc_err_nan") {
    ExpectNanIsNamed(response, findings);
  } else {
    findings.Expect(ExpectFinite(response));
  }
  const auto inline_response = client.Compute(InlineRequest(golden.json.at("params"), z, parameters));
  const bool fits = z.spec().shape[1] == golden.json.at("params").at("num_input_channels").get<int64_t>();
  if (!fits && inline_response.status().code() != absl::StatusCode::kInvalidArgument) {
    findings.Expect(absl::OutOfRangeError("expected parameters of other shapes to be refused"));
  }
  findings.Note(decision.reason);
  return findings.Conclude(Outcome::kPassed);
}

Verdict Judge(const GoldenCase& golden, const Decision& decision, const Tensor& z,
              const std::vector<Tensor>& parameters, Client& client) {
  const json& params = golden.json.at("params");
  const auto response = client.Compute(SeededRequest(params, z));
  if (decision.rule == Rule::kInform && !response.ok()) return {Outcome::kInformative, StatusText(response.status())};
  if (decision.rule == Rule::kRefuse && response.status().code() == absl::StatusCode::kInvalidArgument) {
    return {Outcome::kRefused, std::string(response.status().message())};
  }
  Findings findings;
  if (!findings.Expect(response.status())) return findings.Conclude(Outcome::kFailed);
  if (decision.rule == Rule::kRefuse) return {Outcome::kFailed, "expected INVALID_ARGUMENT, got an answer"};
  if (decision.rule == Rule::kAnswer) return JudgeAnswer(golden, decision, z, parameters, *response, client);
  ExpectStoredValues(golden, *response, findings);
  if (!parameters.empty()) ExpectSameBitsInline(params, z, parameters, *response, client, findings);
  Verdict verdict = findings.Conclude(Outcome::kPassed);
  if (decision.rule == Rule::kInform) return {Outcome::kInformative, verdict.detail};
  return verdict;
}

}  // namespace

Verdict CheckCpcCase(const GoldenCase& golden, const Decision& decision, Client& client) {
  const json& input = golden.json.at("inputs").at(0);
  const auto z = golden.Load(input.at("file"), "z");
  if (!z.ok()) return {Outcome::kFailed, std::string(z.status().message())};
  const std::filesystem::path folder = std::filesystem::path(golden.folder) / golden.json.at("parameters_folder");
  const auto set = LoadGoldenCase(folder.string());
  if (!set.ok()) return {Outcome::kFailed, std::string(set.status().message())};
  const auto parameters = LoadParameters(*set);
  if (!parameters.ok()) return {Outcome::kFailed, std::string(parameters.status().message())};
  return Judge(golden, decision, *z, *parameters, client);
}

Verdict CheckCpcParameters(const GoldenCase& golden, Client& client) {
  const auto parameters = LoadParameters(golden);
  if (!parameters.ok()) return {Outcome::kFailed, std::string(parameters.status().message())};
  if (parameters->empty()) return {Outcome::kSkipped, "the parameters are not stored; cases draw them from init_seed"};
  const json& params = golden.json.at("params");
  BufferPool pool(0);
  const int64_t channels = params.at("num_input_channels");
  Tensor z({"z", DType::kFloat32, {2, channels, 4, 5}}, pool.Allocate(static_cast<size_t>(2 * channels * 20) * 4));
  float value = -1;
  for (float& element : z.elements<float>()) element = value = value > 1 ? -1.0f : value + 0.07f;
  const auto seeded = client.Compute(SeededRequest(params, z));
  Findings findings;
  if (!findings.Expect(seeded.status())) return findings.Conclude(Outcome::kFailed);
  ExpectSameBitsInline(params, z, *parameters, *seeded, client, findings);
  return findings.Conclude(Outcome::kPassed);
}

}  // namespace lossd::cli
