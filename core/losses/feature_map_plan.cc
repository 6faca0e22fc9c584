// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/feature_map_plan.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/engine/contrast_maps_cut.h"
#include "core/losses/config_checks.h"
#include "core/losses/input_names.h"
#include "core/losses/widened_task.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

constexpr absl::string_view kConfig = "loss.feature_map_contrastive";
// Most source gradients that wait for their map.
constexpr int64_t kMostSlots = 8;

absl::Status CheckConfig(const FeatureMapContrastiveConfig& config, size_t comparisons) {
  if (config.tclip == 0 || std::isnan(config.tclip)) {
    return InvalidConfig(config, "tclip", absl::StrCat("expected a value other than 0 and NaN, got ", config.tclip));
  }
  LOSSD_RETURN_IF_ERROR(CheckFinite(config, "regularizer_weight", config.regularizer_weight));
  LOSSD_RETURN_IF_ERROR(CheckFinite(config, "regularizer_scale", config.regularizer_scale));
  if (!config.loss_weights.empty() && config.loss_weights.size() != comparisons) {
    return InvalidConfig(config, "loss_weights",
                         absl::StrCat("expected none or one for each of ", comparisons, " comparisons, got ",
                                      config.loss_weights.size()));
  }
  for (size_t k = 0; k < config.loss_weights.size(); ++k) {
    LOSSD_RETURN_IF_ERROR(CheckFinite(config, absl::StrCat("loss_weights[", k, "]"), config.loss_weights[k]));
  }
  return absl::OkStatus();
}

std::string ShapeField(const TensorSpec& map) { return absl::StrCat("inputs[", map.name, "].shape"); }

// Rank 4, no empty extents, positions that fit into int32, and as many images as `first` has.
absl::Status CheckMap(const TensorSpec& map, const TensorSpec& first) {
  if (map.shape.size() != 4 || std::count(map.shape.begin(), map.shape.end(), 0) > 0) {
    return InvalidField(ShapeField(map),
                        absl::StrCat("expected [B, C, H, W] with extents above 0, got ", ShapeText(map.shape)));
  }
  if (map.shape[2] * map.shape[3] > std::numeric_limits<int32_t>::max()) {
    return InvalidField(ShapeField(map), absl::StrCat("expected H * W below 2^31, got ", ShapeText(map.shape)));
  }
  if (map.shape[0] != first.shape[0]) {
    return InvalidField(ShapeField(map), absl::StrCat("expected ", first.shape[0], " images like inputs[", first.name,
                                                      "], got ", ShapeText(map.shape)));
  }
  return absl::OkStatus();
}

// Indices a part of a comparison can take: itself, or all anchors' for `r`.
struct Reach {
  int32_t first;
  int32_t last;  // One behind.
};

// Checks of comparisons against the maps there are.
class Pairing {
 public:
  Pairing(const ComputeSpec& request, const FeatureMapPlan& plan) : request_(request), plan_(plan) {}

  absl::Status Check() const {
    for (const Comparison& comparison : plan_.space.comparisons) {
      for (int direction = 0; direction < plan_.space.directions; ++direction) {
        LOSSD_RETURN_IF_ERROR(CheckReach(direction, ReachOf(comparison.anchor)));
        LOSSD_RETURN_IF_ERROR(CheckReach(1 - direction, ReachOf(comparison.positive)));
        LOSSD_RETURN_IF_ERROR(CheckChannels(comparison, direction));
      }
    }
    return absl::OkStatus();
  }

  Reach ReachOf(std::optional<int32_t> index) const {
    if (index.has_value()) return {*index, *index + 1};
    return {0, static_cast<int32_t>(plan_.maps[kAnchor].size())};
  }

  const TensorSpec& Map(int side, int32_t index) const {
    return request_.inputs[static_cast<size_t>(plan_.maps[static_cast<size_t>(side)][static_cast<size_t>(index)])];
  }

 private:
  absl::Status CheckReach(int side, Reach reach) const {
    const size_t count = plan_.maps[static_cast<size_t>(side)].size();
    if (static_cast<size_t>(reach.last) <= count) return absl::OkStatus();
    return InvalidField(absl::StrCat(kConfig, ".comparisons"),
                        absl::StrCat("expected indices below the number of ", side == kAnchor ? "anchor" : "positive",
                                     " maps, ", count, ", got ", reach.last - 1,
                                     reach.last - reach.first > 1 ? " within the reach of r" : "", DefaultHint()));
  }

  // For whoever did not set `comparisons`: what it is then.
  std::string DefaultHint() const {
    const std::string standard = FeatureMapContrastiveConfig().comparisons;
    if (std::get<FeatureMapContrastiveConfig>(request_.loss).comparisons != standard) return "";
    return absl::StrCat("; \"", standard,
                        "\" is the default, for two maps a side: set comparisons, such as \"00\" for one");
  }

  absl::Status CheckChannels(const Comparison& comparison, int direction) const {
    const Reach sources = ReachOf(comparison.anchor);
    const Reach targets = ReachOf(comparison.positive);
    for (int32_t t = targets.first; t < targets.last; ++t) {
      LOSSD_RETURN_IF_ERROR(CheckPair(Map(direction, sources.first), Map(1 - direction, t)));
    }
    for (int32_t s = sources.first; s < sources.last; ++s) {
      LOSSD_RETURN_IF_ERROR(CheckPair(Map(direction, s), Map(1 - direction, targets.first)));
    }
    return absl::OkStatus();
  }

  static absl::Status CheckPair(const TensorSpec& source, const TensorSpec& target) {
    if (source.shape[1] == target.shape[1]) return absl::OkStatus();
    return InvalidField(ShapeField(target),
                        absl::StrCat("expected ", source.shape[1], " channels like inputs[", source.name,
                                     "], with which it is compared, got ", ShapeText(target.shape)));
  }

  const ComputeSpec& request_;
  const FeatureMapPlan& plan_;
};

// What the source vectors of one direction take.
int64_t VectorBytes(const FeatureMapPlan& plan) {
  const int64_t elements = plan.dtype == DType::kFloat64 ? SourceVectors<double>(plan) : SourceVectors<float>(plan);
  return elements * static_cast<int64_t>(SizeOf(plan.dtype));
}

// States and cuts the contrasts, and returns what the engine takes for the one that takes most.
template <typename T>
int64_t StateContrasts(const ComputeSpec& request, double clip, FeatureMapPlan& plan) {
  int64_t most = 0;
  for (const TensorSpec& map : request.inputs) {
    const ContrastProblem problem = StateMaps(plan.images(), map.shape[1], map.shape[2] * map.shape[3], clip);
    const MapContrastShape shape = MapShapeOf(problem);
    plan.contrasts.push_back({problem, CutMapContrast<T>(shape)});
    most = std::max(most, MapContrastWorkspaceBytes<T>(shape, plan.contrasts.back().cut));
  }
  return most;
}

// An upper bound of the floating-point operations of one direction.
double DirectionFlops(const FeatureMapPlan& plan, Reach targets, int direction, bool gradients) {
  double most = 0;
  for (int32_t t = targets.first; t < targets.last; ++t) {
    const int input = plan.maps[static_cast<size_t>(1 - direction)][static_cast<size_t>(t)];
    most = std::max(most, FlopsOf(plan.contrasts[static_cast<size_t>(input)].problem, gradients ? 2 : 0));
  }
  return most;
}

// Words of random streams to draw before the first that is used, each some operations.
double SkippedWords(const Sampling& sampling) {
  const auto* seed = std::get_if<SamplingSeed>(&sampling);
  if (seed == nullptr) return 0;
  constexpr double kOperations = 8;
  return kOperations * (static_cast<double>(seed->torch_skip) + static_cast<double>(seed->numpy_skip));
}

absl::Status TakeMaps(const ComputeSpec& request, FeatureMapPlan& plan) {
  LOSSD_ASSIGN_OR_RETURN(auto families, FindNumberedInputs(request.inputs, {"anchor", "positive"}));
  LOSSD_RETURN_IF_ERROR(CheckFloating(request.inputs));
  LOSSD_ASSIGN_OR_RETURN(plan.dtype, FindComputeDType(request.inputs));
  plan.maps = {std::move(families[kAnchor]), std::move(families[kPositive])};
  const TensorSpec& first = request.inputs[static_cast<size_t>(plan.maps[kAnchor][0])];
  for (size_t side : {kAnchor, kPositive}) {
    for (int input : plan.maps[side]) {
      const TensorSpec& map = request.inputs[static_cast<size_t>(input)];
      LOSSD_RETURN_IF_ERROR(CheckMap(map, first));
      plan.space.locations[side].push_back(static_cast<int32_t>(map.shape[2] * map.shape[3]));
      plan.most_channels = std::max(plan.most_channels, map.shape[1]);
      plan.most_locations = std::max(plan.most_locations, map.shape[2] * map.shape[3]);
    }
  }
  plan.space.images = first.shape[0];
  return absl::OkStatus();
}

void DescribeOutputs(FeatureMapPlan& plan) {
  const auto pairs = static_cast<int64_t>(plan.space.comparisons.size());
  plan.outputs = {{"losses", plan.dtype, {pairs}},
                  {"regularizer", plan.dtype, {}},
                  {"comparisons", DType::kInt32, {pairs, 2}},
                  {"positions", DType::kInt32, {pairs, plan.space.directions, plan.images()}}};
}

void EstimateWork(const ComputeSpec& request, const FeatureMapContrastiveConfig& config, FeatureMapPlan& plan) {
  const double clip = std::abs(config.tclip);
  const int64_t contrast = plan.dtype == DType::kFloat64 ? StateContrasts<double>(request, clip, plan)
                                                         : StateContrasts<float>(request, clip, plan);
  const Pairing pairing(request, plan);
  const bool gradients = request.gradients.any();
  for (const Comparison& comparison : plan.space.comparisons) {
    const Reach targets = pairing.ReachOf(comparison.positive);
    for (int d = 0; d < plan.space.directions; ++d) plan.flops += DirectionFlops(plan, targets, d, gradients);
  }
  plan.flops += SkippedWords(config.sampling);
  const int64_t vectors = VectorBytes(plan);
  plan.source_slots = std::clamp((kMapContrastBytes - contrast) / vectors - 1, int64_t{1}, kMostSlots);
  plan.workspace_bytes = contrast + (1 + plan.source_slots) * vectors;
  plan.batch_key = absl::StrCat("feature_map_contrastive ", ComparisonsText(plan.space.comparisons), " ",
                                plan.space.directions, gradients ? " gradients" : "");
  for (const TensorSpec& input : request.inputs) {
    absl::StrAppend(&plan.batch_key, " ", input.name, ":", DTypeName(StorageDType(input.dtype)),
                    ShapeText(input.shape));
  }
}

}  // namespace

ContrastProblem StateMaps(int64_t images, int64_t channels, int64_t locations, double clip) {
  ContrastProblem problem;
  problem.rows = {{.count = images}};
  problem.columns = {{.count = images * locations}};
  problem.width = channels;
  problem.scale = 1 / std::sqrt(static_cast<double>(channels));
  problem.clip = clip;
  problem.pairs = ContrastProblem::Pairs::kBlocks;
  problem.line = locations;
  return problem;
}

absl::StatusOr<std::unique_ptr<FeatureMapPlan>> PlanFeatureMaps(const ComputeSpec& request) {
  const auto& config = std::get<FeatureMapContrastiveConfig>(request.loss);
  auto plan = std::make_unique<FeatureMapPlan>();
  LOSSD_ASSIGN_OR_RETURN(plan->space.comparisons, ParseComparisons(config.comparisons));
  LOSSD_RETURN_IF_ERROR(CheckConfig(config, plan->space.comparisons.size()));
  plan->space.directions = config.bidirectional ? 2 : 1;
  plan->space.share_source_samples = config.share_source_samples;
  LOSSD_RETURN_IF_ERROR(TakeMaps(request, *plan));
  LOSSD_RETURN_IF_ERROR(Pairing(request, *plan).Check());
  LOSSD_RETURN_IF_ERROR(CheckSampling(plan->space, config.sampling));
  DescribeOutputs(*plan);
  const ContrastProblem largest = StateMaps(plan->images(), plan->most_channels, plan->most_locations, 1);
  plan->widened = plan->dtype == DType::kFloat32 && GainsFromFloat64(largest);
  if (plan->widened) plan->dtype = DType::kFloat64;
  EstimateWork(request, config, *plan);
  if (plan->widened) plan->workspace_bytes += WidenedBytes(request, *plan);
  return plan;
}

}  // namespace lossd
