// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Turns golden cases of FeatureMapContrastiveTask into requests.

#ifndef LOSSD_CLIENT_CLI_GOLDEN_FEATURE_MAP_CALL_H_
#define LOSSD_CLIENT_CLI_GOLDEN_FEATURE_MAP_CALL_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/golden/golden_case.h"
#include "client/cpp/compute_request.h"
#include "client/cpp/loss_spec.h"
#include "core/tensor/tensor.h"

namespace lossd::cli {

// One forward of the reference: what it was given, what it drew, and what came out.
struct FeatureMapCall {
  client::FeatureMapContrastive loss;          // Without sampling.
  std::string resolved_comparisons;            // With the indices that `r` became: "0:1, 1:1".
  std::vector<int> pairs;                      // The same, flat: [K, 2].
  std::vector<Tensor> maps;                    // `anchor.0` ... and `positive.0` ...
  std::vector<Tensor> narrow_maps;             // The same values in 16 bits; empty where the case has none.
  std::optional<client::Positions> positions;  // As drawn; absent where the reference failed before it drew all.
  std::optional<client::Seed> seed;            // Reproduces them; absent where the seed's place is not known.
  nlohmann::json expected;                     // {losses, regularizer, objective, gradients}, or null.
};

// The calls of a case: one, or those of a case with a list `calls`. Fails where a file cannot be read; throws
// nlohmann::json::exception where the case is malformed.
absl::StatusOr<std::vector<FeatureMapCall>> FeatureMapCalls(const GoldenCase& golden);

// A request over `maps`, which it shares. With the positions as drawn and resolved comparisons.
client::ComputeRequest ExplicitRequest(const FeatureMapCall& call, const std::vector<Tensor>& maps);
// With the seed and the comparisons as given. Precondition: call.seed.
client::ComputeRequest SeededRequest(const FeatureMapCall& call);
// The explicit request where the positions are known, else the seeded one, else one whose positions the server draws.
client::ComputeRequest AnyRequest(const FeatureMapCall& call);

// "anchor.0" for "a0", "positive.1" for "b1".
std::string MapName(const std::string& golden_name);

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_GOLDEN_FEATURE_MAP_CALL_H_
