// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/feature_map_call.h"

#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status/status_macros.h"

namespace lossd::cli {
namespace {

using nlohmann::json;

client::FeatureMapContrastive LossOf(const json& params) {
  client::FeatureMapContrastive loss;
  loss.comparisons = params.at("comparisons").get<std::string>();
  if (!params.at("tclip").is_null()) loss.tclip = Number(params.at("tclip"));
  loss.bidirectional = params.at("bidirectional").get<bool>();
  loss.regularizer_weight = Number(params.at("regularizer_weight"));
  return loss;
}

// Words that torch's generator gave before sampling began, where inputs were drawn from the same stream; nullopt if
// that is not known (torch.randn draws in blocks).
std::optional<uint64_t> WordsBeforeSampling(const GoldenCase& golden) {
  for (const json& draw : golden.json.at("seed_protocol").at("input_order")) {
    if (!absl::StrContains(draw.get<std::string>(), "torch.rand ")) return std::nullopt;
  }
  uint64_t words = 0;
  for (const json& input : golden.json.at("inputs")) {
    uint64_t elements = 1;
    for (const json& extent : input.at("shape")) elements *= extent.get<uint64_t>();
    words += elements;
  }
  return words;
}

std::optional<client::Seed> SeedOf(const GoldenCase& golden) {
  const json& protocol = golden.json.at("seed_protocol");
  client::Seed seed;
  if (!protocol.at("sample_seed").is_null()) {
    seed.torch_seed = protocol.at("sample_seed").get<uint64_t>();
    return seed;
  }
  seed.torch_seed = protocol.at("input_seed").get<uint64_t>();
  const std::optional<uint64_t> words = WordsBeforeSampling(golden);
  if (!words.has_value()) return std::nullopt;
  seed.torch_skip = *words;
  return seed;
}

// Reads the maps of `list` whose names start with `prefix`.
absl::StatusOr<std::vector<Tensor>> LoadMaps(const GoldenCase& golden, const char* list, const std::string& prefix) {
  std::vector<Tensor> maps;
  if (!golden.json.contains(list)) return maps;
  for (const json& input : golden.json.at(list)) {
    const std::string name = input.at("name");
    if (!absl::StartsWith(name, prefix)) continue;
    LOSSD_ASSIGN_OR_RETURN(Tensor map,
                           golden.Load(input.at("file"), MapName(std::string(absl::StripPrefix(name, prefix)))));
    maps.push_back(std::move(map));
  }
  return maps;
}

void SetDraws(const json& pairs, const json& sampling, FeatureMapCall& call) {
  for (const json& pair : pairs) {
    call.pairs.insert(call.pairs.end(), {pair.at(0).get<int>(), pair.at(1).get<int>()});
    absl::StrAppend(&call.resolved_comparisons, call.resolved_comparisons.empty() ? "" : ", ", pair.at(0).get<int>(),
                    ":", pair.at(1).get<int>());
  }
  if (sampling.size() != pairs.size() * (call.loss.bidirectional ? 2 : 1)) return;
  client::Positions positions;
  for (const json& draw : sampling) {
    for (const json& index : draw.at("flat_index")) positions.values.push_back(index.get<int32_t>());
  }
  if (!positions.values.empty()) call.positions = std::move(positions);
}

absl::StatusOr<FeatureMapCall> SingleCall(const GoldenCase& golden) {
  FeatureMapCall call;
  call.loss = LossOf(golden.json.at("params"));
  LOSSD_ASSIGN_OR_RETURN(call.maps, LoadMaps(golden, "inputs", ""));
  LOSSD_ASSIGN_OR_RETURN(call.narrow_maps, LoadMaps(golden, "inputs_low_precision", ""));
  // An error case lists what was resolved before the error: then the parsed pairs are those that were asked for.
  const json& resolved = golden.json.at("resolved_comparisons");
  const json& parsed = golden.json.at("parsed_map_indexes");
  SetDraws(resolved.size() == parsed.size() ? resolved : parsed, golden.json.at("sampling"), call);
  call.seed = SeedOf(golden);
  if (golden.json.contains("expected")) call.expected = golden.json.at("expected");
  return call;
}

// The calls of one task object, one after the other, never seeded again.
absl::StatusOr<std::vector<FeatureMapCall>> CallsInARow(const GoldenCase& golden) {
  std::vector<FeatureMapCall> calls;
  client::Seed seed;
  seed.torch_seed = golden.json.at("seed_protocol").at("sample_seed").get<uint64_t>();
  seed.torch_skip = 0;
  for (const json& entry : golden.json.at("calls")) {
    FeatureMapCall call;
    call.loss = LossOf(golden.json.at("params"));
    LOSSD_ASSIGN_OR_RETURN(call.maps,
                           LoadMaps(golden, "inputs", absl::StrCat("call", entry.at("call").get<int>(), "_")));
    call.seed = seed;
    SetDraws(json::parse("[[0, 0]]"), entry.at("sampling"), call);
    if (entry.contains("losses")) call.expected = entry;
    if (call.positions) seed.torch_skip += call.positions->values.size();
    calls.push_back(std::move(call));
  }
  return calls;
}

client::ComputeRequest RequestOver(const std::vector<Tensor>& maps, client::FeatureMapContrastive loss) {
  client::ComputeRequest request;
  request.loss = std::move(loss);
  for (const Tensor& map : maps) request.inputs.push_back(client::InputTensor::Share(map));
  return request;
}

}  // namespace

std::string MapName(const std::string& golden_name) {
  const absl::string_view index = absl::string_view(golden_name).substr(1);
  return absl::StrCat(golden_name.front() == 'a' ? "anchor." : "positive.", index);
}

absl::StatusOr<std::vector<FeatureMapCall>> FeatureMapCalls(const GoldenCase& golden) {
  if (golden.json.contains("calls")) return CallsInARow(golden);
  LOSSD_ASSIGN_OR_RETURN(FeatureMapCall call, SingleCall(golden));
  std::vector<FeatureMapCall> calls;
  calls.push_back(std::move(call));
  return calls;
}

client::ComputeRequest ExplicitRequest(const FeatureMapCall& call, const std::vector<Tensor>& maps) {
  client::FeatureMapContrastive loss = call.loss;
  if (absl::StrContains(loss.comparisons, "r")) loss.comparisons = call.resolved_comparisons;
  if (call.positions) loss.sampling = *call.positions;
  return RequestOver(maps, std::move(loss));
}

client::ComputeRequest SeededRequest(const FeatureMapCall& call) {
  client::FeatureMapContrastive loss = call.loss;
  loss.sampling = *call.seed;
  return RequestOver(call.maps, std::move(loss));
}

client::ComputeRequest AnyRequest(const FeatureMapCall& call) {
  if (!call.positions && call.seed) return SeededRequest(call);
  return ExplicitRequest(call, call.maps);
}

}  // namespace lossd::cli
