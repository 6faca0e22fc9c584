// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a caller asks for, as the core sees it: the content of a lossd.v1.ComputeRequest without its payloads. Plain
// values; meaning, units and defaults are those of the .proto files.

#ifndef LOSSD_CORE_LOSSES_LOSS_CONFIG_H_
#define LOSSD_CORE_LOSSES_LOSS_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/tensor/dtype.h"
#include "core/tensor/tensor_spec.h"

namespace lossd {

// Explicit source positions, row-major [K, directions, B].
struct ExplicitPositions {
  std::vector<int32_t> values;
};

// Draw comparisons and positions as the reference would after seed_everything(seed).
struct SamplingSeed {
  std::optional<uint64_t> torch_seed;
  std::optional<uint64_t> numpy_seed;
  uint64_t torch_skip = 0;  // 32-bit words.
  uint64_t numpy_skip = 0;  // 32-bit words.
};

// std::monostate: the server draws.
using Sampling = std::variant<std::monostate, ExplicitPositions, SamplingSeed>;

struct FeatureMapContrastiveConfig {
  std::string comparisons = "00, 11";
  double tclip = 10.0;
  bool bidirectional = true;
  double regularizer_weight = 1.0;
  double regularizer_scale = 0.05;
  std::vector<double> loss_weights;  // Empty: ones.
  Sampling sampling;
  bool share_source_samples = false;
};

enum class StepWeighting { kReference, kUniform };

struct CpcConfig {
  std::optional<int32_t> target_dim;  // Absent: 64, or read off the parameters.
  double embed_scale = 0.1;
  std::optional<uint64_t> init_seed;  // Absent: 0, or the parameters are sent.
  StepWeighting step_weighting = StepWeighting::kReference;
};

struct NtXentConfig {
  double temperature = 0.5;
};

struct SquaredNormConfig {};

using LossConfig = std::variant<FeatureMapContrastiveConfig, CpcConfig, NtXentConfig, SquaredNormConfig>;

// Which gradients are returned, and in what form.
struct GradientSelection {
  enum class Mode { kAll, kNone, kNamed };
  Mode mode = Mode::kAll;
  std::vector<std::string> names;  // With kNamed: exact, or a prefix ending in '*'.
  std::optional<DType> dtype;      // Absent: that of the input.
  double scale = 1.0;
};

enum class NonfinitePolicy { kReport, kReject };

// A request without its payloads.
struct ComputeSpec {
  LossConfig loss;
  GradientSelection gradients;
  NonfinitePolicy nonfinite_policy = NonfinitePolicy::kReport;
  std::vector<TensorSpec> inputs;  // As sent, with their dtypes on the wire.
};

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_LOSS_CONFIG_H_
