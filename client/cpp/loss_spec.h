// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Configurations of the losses, as typed values. They mirror lossd/v1/losses.proto field by field: an absent optional
// means the server's default, which is given with each field. The server checks the values.

#ifndef LOSSD_CLIENT_CPP_LOSS_SPEC_H_
#define LOSSD_CLIENT_CPP_LOSS_SPEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace lossd::client {

// Explicit source positions, row-major [K, directions, B]; each is row * W + column of the source map.
struct Positions {
  std::vector<int32_t> values;
};

// Draw comparisons and positions as the reference does after seed_everything(seed), bit for bit.
struct Seed {
  std::optional<uint64_t> torch_seed;  // Absent: the value of numpy_seed. At least one must be set.
  std::optional<uint64_t> numpy_seed;  // Below 2^32. Absent: the value of torch_seed.
  std::optional<uint64_t> torch_skip;  // 32-bit words to skip first, at most 2^26. Default 0.
  std::optional<uint64_t> numpy_skip;  // Likewise.
};

// AMDIM's contrastive loss between maps of two views. Inputs `anchor.0`, ... and `positive.0`, ..., each [B, C, H, W].
// Outputs `losses` [K], `regularizer` [], `comparisons` int32 [K, 2], `positions` int32 [K, directions, B].
struct FeatureMapContrastive {
  std::optional<std::string> comparisons;    // "00, 11"; `r` is a random index, "10:12" for indices above 9.
  std::optional<double> tclip;               // 10; +inf: no clip.
  std::optional<bool> bidirectional;         // true.
  std::optional<double> regularizer_weight;  // 1; in the objective.
  std::optional<double> regularizer_scale;   // 0.05; inside the regularizer.
  std::vector<double> loss_weights;          // Upstream gradients: K values, or empty for ones.
  std::variant<std::monostate, Positions, Seed> sampling;  // Monostate: the server draws.
  std::optional<bool> share_source_samples;                // false.
};

// Contrastive predictive coding. Inputs `z` [B, C, H, W] with H, W >= 3; optionally the 44 tensors
// `parameters.<state_dict name>`. Outputs `loss` [], `step_losses` [H-2].
struct Cpc {
  enum class StepWeighting { kReference, kUniform };
  std::optional<int32_t> target_dim;            // 64, or read off the parameters.
  std::optional<double> embed_scale;            // 0.1.
  std::optional<uint64_t> init_seed;            // 0; not together with parameters.
  std::optional<StepWeighting> step_weighting;  // kReference: step i weighs i.
};

// SimCLR's loss. Inputs `out_1`, `out_2`, both [N, D]. Output `loss` [].
struct NtXent {
  std::optional<double> temperature;  // 0.5; finite and > 0.
};

// Half the sum of squares of the inputs `x.0`, ..., any shape and dtype. Output `loss` []. Its gradient is the input.
struct SquaredNorm {};

// Which loss. Monostate: none, which the server refuses.
using LossSpec = std::variant<std::monostate, FeatureMapContrastive, Cpc, NtXent, SquaredNorm>;

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_LOSS_SPEC_H_
