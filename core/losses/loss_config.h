// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a caller asks for, as the core sees it: the content of a lossd.v1.ComputeRequest without its payloads. Plain
// values; meaning, units and defaults are those of the .proto files.
//
// Every configuration names itself (kName, its member of lossd.v1.LossSpec) and lists its fields: Fields(config, visit)
// calls visit(name, field, help) for each, in the order of the message. Names are the wire's. Conversions, flags and
// batch keys are made of that; whoever adds a field adds it here and in losses.proto, and a test compares the two.
//
// Nothing here is checked: what came stands here as it came, in range or not, and the loss's Prepare refuses what it
// cannot take, naming the field (`loss.nt_xent.temperature`). An absent optional is not the same as its default where
// an input can take its place.

#ifndef LOSSD_CORE_LOSSES_LOSS_CONFIG_H_
#define LOSSD_CORE_LOSSES_LOSS_CONFIG_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/tensor/dtype.h"
#include "core/tensor/tensor_spec.h"

namespace lossd {

// Explicit source positions, row-major [K, directions, B].
struct ExplicitPositions {
  static constexpr absl::string_view kName = "positions";
  std::vector<int32_t> values;

  friend bool operator==(const ExplicitPositions&, const ExplicitPositions&) = default;
  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit&& visit) {
    visit("values", self.values, "Source positions, flat [K, directions, B]");
  }
};

// Draw comparisons and positions as the reference would after seed_everything(seed).
struct SamplingSeed {
  static constexpr absl::string_view kName = "seed";
  std::optional<uint64_t> torch_seed;  // Absent: numpy_seed.
  std::optional<uint64_t> numpy_seed;  // Absent: torch_seed.
  uint64_t torch_skip = 0;             // 32-bit words.
  uint64_t numpy_skip = 0;             // 32-bit words.

  friend bool operator==(const SamplingSeed&, const SamplingSeed&) = default;
  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit&& visit) {
    visit("torch_seed", self.torch_seed, "Draw positions as torch does after this seed");
    visit("numpy_seed", self.numpy_seed, "Draw `r` as numpy does after this seed");
    visit("torch_skip", self.torch_skip, "32-bit words of torch's stream to skip");
    visit("numpy_skip", self.numpy_skip, "32-bit words of numpy's stream to skip");
  }
};

// std::monostate: the server draws.
using Sampling = std::variant<std::monostate, ExplicitPositions, SamplingSeed>;

// AMDIM's contrast of feature maps of two views.
struct FeatureMapContrastiveConfig {
  static constexpr absl::string_view kName = "feature_map_contrastive";
  std::string comparisons = "00, 11";  // 1 to 256 pairs; `r` is a random index.
  double tclip = 10.0;                 // Not 0, not NaN. Its sign does not count.
  bool bidirectional = true;
  double regularizer_weight = 1.0;        // Finite, as the scale.
  double regularizer_scale = 0.05;        // Of the mean squared score.
  std::vector<double> loss_weights = {};  // Empty: ones. Else one for each pair, finite.
  Sampling sampling = {};
  bool share_source_samples = false;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit&& visit) {
    visit("comparisons", self.comparisons, "Pairs of map indices");
    visit("tclip", self.tclip, "Clip of the scores; inf: none");
    visit("bidirectional", self.bidirectional, "Compare with exchanged roles as well");
    visit("regularizer_weight", self.regularizer_weight, "Of the regularizer in the objective");
    visit("regularizer_scale", self.regularizer_scale, "Inside the regularizer");
    visit("loss_weights", self.loss_weights, "Upstream gradient of each loss; none: ones");
    visit("sampling", self.sampling, "");
    visit("share_source_samples", self.share_source_samples, "One draw for each map");
  }
};

// Enumerators have the wire's numbers; NamesOf gives their names, in order.
enum class StepWeighting { kReference = 1, kUniform = 2 };
inline constexpr std::array<absl::string_view, 2> NamesOf(StepWeighting) { return {"reference", "uniform"}; }

// Contrastive predictive coding, with the network that predicts.
struct CpcConfig {
  static constexpr absl::string_view kName = "cpc";
  std::optional<int32_t> target_dim = std::nullopt;  // 1 to 4096. Absent: 64, or read off the parameters.
  double embed_scale = 0.1;                          // Finite.
  std::optional<uint64_t> init_seed = std::nullopt;  // Absent: 0, or the parameters are sent.
  StepWeighting step_weighting = StepWeighting::kReference;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit&& visit) {
    visit("target_dim", self.target_dim, "Dimension of predictions; none: 64, or that of the parameters");
    visit("embed_scale", self.embed_scale, "Factor of the scores");
    visit("init_seed", self.init_seed, "Seed of the parameters where none are sent; none: 0");
    visit("step_weighting", self.step_weighting, "Weights of the steps");
  }
};

// SimCLR's loss: each row of two views against all others.
struct NtXentConfig {
  static constexpr absl::string_view kName = "nt_xent";
  double temperature = 0.5;  // Finite, > 0, here as in the others.
  bool normalize = false;    // Rows come normalised, as to the reference.

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit&& visit) {
    visit("temperature", self.temperature, "Divisor of the scores");
    visit("normalize", self.normalize, "Divide rows by their norm first");
  }
};

// Half the sum of squares of all inputs: a probe, whose gradient is the input.
struct SquaredNormConfig {
  static constexpr absl::string_view kName = "squared_norm";

  template <typename Self, typename Visit>
  static void Fields(Self&, Visit&&) {}
};

// Enumerators have the wire's numbers.
enum class MarginStrategy { kAbsolute = 1, kRelative = 2 };
inline constexpr std::array<absl::string_view, 2> NamesOf(MarginStrategy) { return {"absolute", "relative"}; }

// Which columns leave a row's denominator: those more similar to it than its positive is, less the margin.
struct FalseNegatives {
  MarginStrategy margin_strategy = MarginStrategy::kAbsolute;  // kRelative: of the positive's |similarity|.
  double margin = 0;                                           // Finite.

  friend bool operator==(const FalseNegatives&, const FalseNegatives&) = default;
  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit&& visit) {
    visit("margin_strategy", self.margin_strategy, "Take out what is too similar, by this rule");
    visit("margin", self.margin, "Take out what is more similar than the positive less this");
  }
};

// Queries against keys and negatives.
struct InfoNceConfig {
  static constexpr absl::string_view kName = "info_nce";
  double temperature = 0.07;
  bool normalize = true;
  bool symmetric = false;
  double label_smoothing = 0;                                    // In [0, 1).
  std::optional<FalseNegatives> false_negatives = std::nullopt;  // Absent: none leave, and guides are refused.

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit&& visit) {
    visit("temperature", self.temperature, "Divisor of the scores");
    visit("normalize", self.normalize, "Divide rows by their norm first");
    visit("symmetric", self.symmetric, "Keys against queries as well");
    visit("label_smoothing", self.label_smoothing, "Share of the weight that all columns get");
    visit("false_negatives", self.false_negatives, "");
  }
};

// Images against texts, both ways. Scale and bias may be inputs instead, and then have gradients.
struct ClipConfig {
  static constexpr absl::string_view kName = "clip";
  bool normalize = false;
  std::optional<double> logit_scale = std::nullopt;  // Absent: the tensor that is sent, or 1 / 0.07.
  std::optional<double> logit_bias = std::nullopt;   // Absent: the tensor that is sent, or 0.

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit&& visit) {
    visit("normalize", self.normalize, "Divide rows by their norm first");
    visit("logit_scale", self.logit_scale, "Factor of the products; none: that of the input, or the loss's default");
    visit("logit_bias", self.logit_bias, "Added to each score; none: that of the input, or the loss's default");
  }
};

// Images against texts, each pair by itself. Scale and bias as with clip.
struct SigLipConfig {
  static constexpr absl::string_view kName = "siglip";
  bool normalize = false;
  std::optional<double> logit_scale = std::nullopt;  // Absent: the tensor that is sent, or 10.
  std::optional<double> logit_bias = std::nullopt;   // Absent: the tensor that is sent, or -10.

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit&& visit) {
    visit("normalize", self.normalize, "Divide rows by their norm first");
    visit("logit_scale", self.logit_scale, "Factor of the products; none: that of the input, or the loss's default");
    visit("logit_bias", self.logit_bias, "Added to each score; none: that of the input, or the loss's default");
  }
};

// Rows against all others; those of the same label are positives.
struct SupConConfig {
  static constexpr absl::string_view kName = "sup_con";
  double temperature = 0.1;
  bool normalize = true;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit&& visit) {
    visit("temperature", self.temperature, "Divisor of the scores");
    visit("normalize", self.normalize, "Divide rows by their norm first");
  }
};

// As nt_xent, the positive left out of the denominator.
struct DclConfig {
  static constexpr absl::string_view kName = "dcl";
  double temperature = 0.1;
  bool normalize = true;
  std::optional<double> weight_sigma = std::nullopt;  // Finite, > 0. Absent: positives weigh 1.

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit&& visit) {
    visit("temperature", self.temperature, "Divisor of the scores");
    visit("normalize", self.normalize, "Divide rows by their norm first");
    visit("weight_sigma", self.weight_sigma, "Width of the positives' weights; none: they weigh 1");
  }
};

// Two views without negatives: invariance, variance and covariance. Weights are finite and >= 0, as is `eps`.
struct VicRegConfig {
  static constexpr absl::string_view kName = "vicreg";
  double invariance_weight = 25;
  double variance_weight = 25;
  double covariance_weight = 1;
  double eps = 1e-4;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit&& visit) {
    visit("invariance_weight", self.invariance_weight, "Of the views' mean squared distance");
    visit("variance_weight", self.variance_weight, "Of the columns' standard deviations");
    visit("covariance_weight", self.covariance_weight, "Of the columns' covariances");
    visit("eps", self.eps, "Added to variances under the root");
  }
};

// Two views without negatives: their columns' correlations against the identity. Both are finite and >= 0.
struct BarlowTwinsConfig {
  static constexpr absl::string_view kName = "barlow_twins";
  double lambda = 5e-3;
  double eps = 1e-5;

  template <typename Self, typename Visit>
  static void Fields(Self& self, Visit&& visit) {
    visit("lambda", self.lambda, "Weight of the redundancy");
    visit("eps", self.eps, "Added to variances under the root");
  }
};

// Which loss, and how. In the order of lossd.v1.LossSpec's numbers, which is that of every array with an entry a loss.
using LossConfig = std::variant<FeatureMapContrastiveConfig, CpcConfig, NtXentConfig, SquaredNormConfig, InfoNceConfig,
                                ClipConfig, SigLipConfig, SupConConfig, DclConfig, VicRegConfig, BarlowTwinsConfig>;

inline constexpr size_t kLossCount = std::variant_size_v<LossConfig>;

// Names of the losses, in the order of LossConfig's alternatives.
inline constexpr std::array<absl::string_view, kLossCount> kLossNames =
    []<size_t... kIndex>(std::index_sequence<kIndex...>) {
  return std::array<absl::string_view, kLossCount>{std::variant_alternative_t<kIndex, LossConfig>::kName...};
}
(std::make_index_sequence<kLossCount>());

// The configuration of loss `index` < kLossCount with its defaults.
inline LossConfig DefaultLossConfig(size_t index) {
  return [index]<size_t... kIndex>(std::index_sequence<kIndex...>) {
    constexpr LossConfig (*kMake[])() = {+[] { return LossConfig(std::in_place_index<kIndex>); }...};
    return kMake[index]();
  }
  (std::make_index_sequence<kLossCount>());
}

// Which gradients are returned, and in what form. Those that are not are not computed, as far as others do not need
// them on the way.
struct GradientSelection {
  // kAll: of every input that has one. kNamed may also name what the loss makes itself (LossPlan::derived_inputs).
  enum class Mode { kAll, kNone, kNamed };
  Mode mode = Mode::kAll;
  std::vector<std::string> names;             // With kNamed: exact, or a prefix ending in '*'.
  std::optional<DType> dtype = std::nullopt;  // Absent: that of the input.
  double scale = 1.0;                         // Of gradients alone, before they are rounded.

  bool any() const { return mode != Mode::kNone; }
};

// kReport: computes by IEEE's rules and names what is not finite. kReject: an error instead, INVALID_ARGUMENT for
// inputs, OUT_OF_RANGE for results of finite ones.
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
