// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// AMDIM's noise contrastive estimation between feature maps, for groups that compare the same maps. The arithmetic of a
// direction is in map_contrast.h.

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "core/engine/finite_cast.h"
#include "core/losses/aten/aten_loss.h"
#include "core/losses/aten/aten_losses.h"
#include "core/losses/aten/map_contrast.h"
#include "core/losses/feature_map_plan.h"

namespace lossd {
namespace {

using aten::Groups;

const FeatureMapPlan& PlanOf(const LossTask& task) { return static_cast<const FeatureMapPlan&>(*task.plan); }

const FeatureMapContrastiveConfig& ConfigOf(const LossTask& task) {
  return std::get<FeatureMapContrastiveConfig>(task.request->loss);
}

// Without one, infinite scores do not reach the gradient.
bool HasRegularizer(const FeatureMapContrastiveConfig& config) {
  return config.regularizer_weight * config.regularizer_scale != 0;
}

// Of the loss of a pair, or of the regularizer, in the objective.
double LossWeight(const LossTask& task, size_t pair) {
  const std::vector<double>& weights = ConfigOf(task).loss_weights;
  return weights.empty() ? 1.0 : weights[pair];
}
double SquareWeight(const LossTask& task) {
  return ConfigOf(task).regularizer_weight * ConfigOf(task).regularizer_scale;
}

// Of each pair (core/engine/finite_cast.h).
std::vector<int> WeightExponents(const LossTask& task) {
  std::vector<int> exponents(PlanOf(task).space.comparisons.size());
  for (size_t pair = 0; pair < exponents.size(); ++pair) {
    const double largest = std::max(std::abs(LossWeight(task, pair)), std::abs(SquareWeight(task)));
    exponents[pair] = WeightExponent(largest * std::abs(task.request->gradients.scale));
  }
  return exponents;
}

template <typename T>
T* Output(const LossTask& task, FeatureMapOutput output) {
  return task.outputs[static_cast<size_t>(output)].data<T>();
}

// The groups of a run, G of them, that compare equal maps with an equal clip and weights of equal exponents.
class MapGroups {
 public:
  MapGroups(Groups groups, const aten::Target& target)
      : groups_(groups),
        target_(target),
        plan_(PlanOf(*groups[0])),
        share_(1.0 / plan_.space.directions),
        exponents_(WeightExponents(*groups[0])),
        maps_(groups[0]->inputs.size()) {}

  void Run() {
    const int32_t* comparisons = Output<int32_t>(*groups_[0], kComparisons);
    for (int64_t pair = 0; pair < static_cast<int64_t>(plan_.space.comparisons.size()); ++pair) {
      for (int side = 0; side < plan_.space.directions; ++side) {
        directions_.push_back(
            {pair, side, InputOf(side, comparisons[2 * pair]), InputOf(1 - side, comparisons[2 * pair + 1])});
      }
    }
    SetNumbers();
    for (const Direction& direction : directions_) {
      if (aten::AllCancelled(groups_)) return;
      RunDirection(direction);
    }
    WriteGradients();
    WriteOutputs();
  }

 private:
  // One direction of a comparison; maps by their inputs.
  struct Direction {
    int64_t pair;
    int side;  // Whose map is the source: 0 the anchor's.
    size_t source;
    size_t target;
  };

  int64_t Count() const { return static_cast<int64_t>(groups_.size()); }
  int64_t DirectionCount() const { return static_cast<int64_t>(directions_.size()); }

  at::Tensor Numbers(absl::FunctionRef<double(const LossTask&)> number) const {
    return aten::StackNumbers(groups_, number, at::kDouble, target_.device);
  }

  size_t InputOf(int side, int32_t index) const {
    return static_cast<size_t>(plan_.maps[static_cast<size_t>(side)][static_cast<size_t>(index)]);
  }

  int64_t LocationsOf(size_t input) const {
    const Shape& shape = groups_[0]->inputs[input].spec().shape;
    return shape[2] * shape[3];
  }

  aten::PackedMap& MapOf(size_t input) {
    if (!maps_[input].values.defined()) {
      maps_[input] = aten::PackMap(aten::StackInput(groups_, input, target_.device), aten::ScalarTypeOf(plan_.dtype),
                                   aten::AnyWants(groups_, input), target_);
    }
    return maps_[input];
  }

  // What all directions take from the host, and where they leave their sums.
  void SetNumbers() {
    const int64_t images = plan_.images();
    at::Tensor positions = at::empty({DirectionCount(), Count(), images}, at::kLong);
    int64_t* to = positions.data_ptr<int64_t>();
    for (const Direction& direction : directions_) {
      const int64_t locations = LocationsOf(direction.source);
      for (const LossTask* task : groups_) {
        const int32_t* drawn =
            Output<int32_t>(*task, kPositions) + (direction.pair * plan_.space.directions + direction.side) * images;
        for (int64_t b = 0; b < images; ++b) *to++ = b * locations + drawn[b];
      }
    }
    positions_ = aten::ToDevice(positions, target_.device);
    sums_ = at::zeros({Count(), DirectionCount(), 2, images}, at::TensorOptions(at::kDouble).device(target_.device));
    for (size_t pair = 0; pair < plan_.space.comparisons.size(); ++pair) {
      loss_weights_.push_back(Numbers(
          [&](const LossTask& task) { return share_ * task.request->gradients.scale * LossWeight(task, pair); }));
    }
    if (!HasRegularizer(ConfigOf(*groups_[0]))) return;
    square_weights_ =
        Numbers([&](const LossTask& task) { return share_ * task.request->gradients.scale * SquareWeight(task); });
  }

  void RunDirection(const Direction& direction) {
    const int64_t number = &direction - directions_.data();
    aten::MapDirection maps;
    maps.problem = plan_.contrasts[direction.target].problem;
    maps.source = &MapOf(direction.source);
    maps.target = &MapOf(direction.target);
    maps.positions = positions_.select(0, number);
    maps.loss_weights = loss_weights_[static_cast<size_t>(direction.pair)];
    maps.square_weights = square_weights_;
    maps.weight_exponent = exponents_[static_cast<size_t>(direction.pair)];
    maps.numbers = sums_.select(1, number);
    aten::ContrastMaps(maps, groups_, target_);
  }

  void WriteGradients() {
    for (size_t input = 0; input < maps_.size(); ++input) {
      if (maps_[input].gradient.defined()) {
        aten::WriteGradient(groups_, input, aten::UnpackGradient(maps_[input], plan_.images()));
      } else {
        aten::WriteZeroGradient(groups_, input);
      }
    }
  }

  // The sums of all directions, on one way to the host.
  void WriteOutputs() {
    std::vector<DirectionShare> shares;
    const auto images = static_cast<double>(plan_.images());
    for (const Direction& direction : directions_) {
      const double columns = images * static_cast<double>(LocationsOf(direction.target));
      shares.push_back({direction.pair, share_ / columns, share_ / (columns * images)});
    }
    const std::vector<LossTask*> groups(groups_.begin(), groups_.end());
    aten::WhenOnHost(groups_, sums_.sum(3),
                     [groups, shares](const at::Tensor& sums) { WriteSums(groups, shares, sums); });
  }

  // What a direction's sums of losses and of squares are multiplied by in the loss of its pair and in the regularizer.
  struct DirectionShare {
    int64_t pair;
    double loss;
    double square;
  };

  // `sums` is [G, directions, 2].
  static void WriteSums(Groups groups, const std::vector<DirectionShare>& shares, const at::Tensor& sums) {
    const int64_t pairs = shares.back().pair + 1;
    at::Tensor losses = at::zeros({sums.size(0), pairs}, at::kDouble);
    at::Tensor regularizers = at::zeros({sums.size(0)}, at::kDouble);
    const double* sum = sums.data_ptr<double>();
    double* loss = losses.data_ptr<double>();
    double* regularizer = regularizers.data_ptr<double>();
    for (LossTask* task : groups) {
      const FeatureMapContrastiveConfig& config = ConfigOf(*task);
      for (const DirectionShare& share : shares) {
        loss[share.pair] += sum[0] * share.loss;
        // A scale of 0 leaves nothing of it, whatever it is.
        if (config.regularizer_scale != 0) *regularizer += sum[1] * share.square * config.regularizer_scale;
        sum += 2;
      }
      // A term of weight 0 is no part of it either.
      if (config.regularizer_weight != 0) task->objective = config.regularizer_weight * *regularizer;
      for (int64_t pair = 0; pair < pairs; ++pair) {
        const double weight = LossWeight(*task, static_cast<size_t>(pair));
        if (weight != 0) task->objective += weight * loss[pair];
      }
      loss += pairs;
      ++regularizer;
    }
    aten::WriteOutput(groups, kLosses, losses);
    aten::WriteOutput(groups, kRegularizer, regularizers);
  }

  const Groups groups_;
  const aten::Target& target_;
  const FeatureMapPlan& plan_;
  const double share_;                 // Of a direction in its pair's loss.
  const std::vector<int> exponents_;   // Of each pair's weights.
  std::vector<aten::PackedMap> maps_;  // For each input; empty before it is met.
  std::vector<Direction> directions_;
  at::Tensor positions_;                  // [directions, G, B]
  at::Tensor sums_;                       // [G, directions, 2, B]
  std::vector<at::Tensor> loss_weights_;  // For each pair, [G].
  at::Tensor square_weights_;             // [G]
};

class FeatureMapContrastive final : public aten::AtenLoss {
 public:
  explicit FeatureMapContrastive(const aten::Target& target) : AtenLoss(MakeFeatureMapContrastive(), target) {}

 private:
  // Every map stacked, packed, with its gradient, which is unpacked; a block of scores.
  int64_t WorkspaceBytes(const ComputeSpec& request, const LossPlan& plan) const override {
    const auto& maps = static_cast<const FeatureMapPlan&>(plan);
    const auto element = static_cast<int64_t>(SizeOf(maps.dtype));
    return aten::InputBytes(request) + 3 * aten::InputBytesIn(maps.dtype, request) +
           target().BlockBytes(maps.images(), maps.images() * maps.most_locations, 2, element);
  }

  // Groups that drew different maps, or clip differently, or whose weights are far apart, are different problems.
  void RunGroups(Groups groups) const override {
    using Problem = std::tuple<std::vector<int32_t>, double, bool, std::vector<int>>;
    std::map<Problem, std::vector<LossTask*>> problems;
    for (LossTask* task : groups) {
      int32_t* comparisons = Output<int32_t>(*task, kComparisons);
      const FeatureMapContrastiveConfig& config = ConfigOf(*task);
      ResolveSampling(PlanOf(*task).space, config.sampling, comparisons, Output<int32_t>(*task, kPositions));
      const std::vector<int32_t> resolved(comparisons, comparisons + task->outputs[kComparisons].element_count());
      problems[Problem(resolved, std::abs(config.tclip), HasRegularizer(config), WeightExponents(*task))].push_back(
          task);
    }
    for (const auto& problem : problems) MapGroups(problem.second, target()).Run();
  }
};

}  // namespace

std::unique_ptr<Loss> MakeAtenFeatureMapContrastive(const aten::Target& target) {
  return std::make_unique<FeatureMapContrastive>(target);
}

}  // namespace lossd
