// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// AMDIM's noise contrastive estimation between feature maps, for groups that compare the same maps. The arithmetic of a
// direction is in map_contrast.h.

#include <ATen/ATen.h>

#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "core/losses/aten/aten_loss.h"
#include "core/losses/aten/aten_losses.h"
#include "core/losses/aten/map_contrast.h"
#include "core/losses/aten/score_rows.h"
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

template <typename T>
T* Output(const LossTask& task, FeatureMapOutput output) {
  return task.outputs[static_cast<size_t>(output)].data<T>();
}

// The groups of a run, G of them, that compare equal maps with an equal clip.
class GroupRun {
 public:
  GroupRun(Groups groups, at::Device device)
      : groups_(groups),
        device_(device),
        plan_(PlanOf(*groups[0])),
        share_(1.0 / plan_.space.directions),
        maps_(groups[0]->inputs.size()) {}

  void Run() {
    const int32_t* comparisons = Output<int32_t>(*groups_[0], kComparisons);
    const auto pairs = static_cast<int64_t>(plan_.space.comparisons.size());
    losses_ = Zeros({Count(), pairs});
    regularizers_ = Zeros({Count()});
    for (int64_t pair = 0; pair < pairs; ++pair) {
      for (int direction = 0; direction < plan_.space.directions; ++direction) {
        if (aten::AllCancelled(groups_)) return;
        Meet(pair, direction, InputOf(direction, comparisons[2 * pair]),
             InputOf(1 - direction, comparisons[2 * pair + 1]));
      }
    }
    WriteGradients();
    WriteOutputs();
  }

 private:
  int64_t Count() const { return static_cast<int64_t>(groups_.size()); }

  at::Tensor Zeros(at::IntArrayRef sizes) const {
    return at::zeros(sizes, at::TensorOptions(at::kDouble).device(device_));
  }

  size_t InputOf(int side, int32_t index) const {
    return static_cast<size_t>(plan_.maps[static_cast<size_t>(side)][static_cast<size_t>(index)]);
  }

  aten::PackedMap& MapOf(size_t input) {
    if (!maps_[input].values.defined()) {
      maps_[input] = aten::PackMap(aten::StackInput(groups_, input, device_), aten::AnyWants(groups_, input));
    }
    return maps_[input];
  }

  // Where each group reads the source: [G, B], counted over all images.
  at::Tensor Positions(int64_t pair, int direction, int64_t locations) const {
    const int64_t images = plan_.images();
    at::Tensor positions = at::empty({Count(), images}, at::kLong);
    int64_t* to = positions.data_ptr<int64_t>();
    for (const LossTask* task : groups_) {
      const int32_t* drawn = Output<int32_t>(*task, kPositions) + (pair * plan_.space.directions + direction) * images;
      for (int64_t b = 0; b < images; ++b) *to++ = b * locations + drawn[b];
    }
    return aten::ToDevice(positions, device_);
  }

  // What one direction of a comparison adds.
  void Meet(int64_t pair, int direction, size_t source, size_t target) {
    aten::MapMeeting meeting;
    meeting.source = &MapOf(source);
    meeting.target = &MapOf(target);
    meeting.positions = Positions(pair, direction, meeting.source->locations);
    meeting.clip = std::abs(ConfigOf(*groups_[0]).tclip);
    meeting.loss_weights = aten::StackNumbers(
        groups_, [&](const LossTask& task) { return share_ * task.request->gradients.scale * LossWeight(task, pair); },
        at::kDouble, device_);
    meeting.squares_count = HasRegularizer(ConfigOf(*groups_[0]));
    meeting.square_weights = aten::StackNumbers(
        groups_,
        [&](const LossTask& task) {
          const FeatureMapContrastiveConfig& config = ConfigOf(task);
          return share_ * task.request->gradients.scale * config.regularizer_weight * config.regularizer_scale;
        },
        at::kDouble, device_);
    const aten::MapContrastSums sums = aten::ContrastMaps(meeting, groups_);
    losses_.select(1, pair).add_(sums.mean_loss * share_);
    const at::Tensor scales = RegularizerScales();
    regularizers_.add_((sums.mean_square * share_ * scales).masked_fill_(scales == 0, 0));
  }

  at::Tensor RegularizerScales() const {
    return aten::StackNumbers(
        groups_, [](const LossTask& task) { return ConfigOf(task).regularizer_scale; }, at::kDouble, device_);
  }

  static double LossWeight(const LossTask& task, int64_t pair) {
    const std::vector<double>& weights = ConfigOf(task).loss_weights;
    return weights.empty() ? 1.0 : weights[static_cast<size_t>(pair)];
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

  // The losses, then the regularizer, of each group, on one way to the host.
  void WriteOutputs() {
    const std::vector<LossTask*> groups(groups_.begin(), groups_.end());
    aten::WhenOnHost(groups_, at::cat({losses_, regularizers_.unsqueeze(1)}, 1),
                     [groups](const at::Tensor& sums) { WriteSums(groups, sums); });
  }

  // `sums` is [G, K + 1].
  static void WriteSums(Groups groups, const at::Tensor& sums) {
    const int64_t pairs = sums.size(1) - 1;
    aten::WriteOutput(groups, kLosses, sums.narrow(1, 0, pairs));
    aten::WriteOutput(groups, kRegularizer, sums.select(1, pairs));
    const double* row = sums.data_ptr<double>();
    for (LossTask* task : groups) {
      // A term of weight 0 is no part of it, whatever it is.
      const double weight = ConfigOf(*task).regularizer_weight;
      if (weight != 0) task->objective = weight * row[pairs];
      for (int64_t pair = 0; pair < pairs; ++pair) {
        const double loss_weight = LossWeight(*task, pair);
        if (loss_weight != 0) task->objective += loss_weight * row[pair];
      }
      row += pairs + 1;
    }
  }

  const Groups groups_;
  const at::Device device_;
  const FeatureMapPlan& plan_;
  const double share_;                 // Of a direction in its pair's loss.
  std::vector<aten::PackedMap> maps_;  // For each input; empty before it is met.
  at::Tensor losses_;                  // [G, K]
  at::Tensor regularizers_;            // [G]
};

class FeatureMapContrastive final : public aten::AtenLoss {
 public:
  explicit FeatureMapContrastive(at::Device device) : AtenLoss(MakeFeatureMapContrastive(), device) {}

 private:
  // Every map stacked, packed, with its gradient, which is unpacked; four times a chunk's scores.
  int64_t WorkspaceBytes(const ComputeSpec& request, const LossPlan& plan) const override {
    const auto& maps = static_cast<const FeatureMapPlan&>(plan);
    const auto element = static_cast<int64_t>(SizeOf(maps.dtype));
    return 4 * aten::InputBytes(request) +
           aten::ChunkBytes(maps.images(), maps.images() * maps.most_locations, 5, element, device());
  }

  // Groups that drew different maps, or clip differently, are different problems.
  void RunGroups(Groups groups) const override {
    using Problem = std::tuple<std::vector<int32_t>, double, bool>;
    std::map<Problem, std::vector<LossTask*>> problems;
    for (LossTask* task : groups) {
      int32_t* comparisons = Output<int32_t>(*task, kComparisons);
      const FeatureMapContrastiveConfig& config = ConfigOf(*task);
      ResolveSampling(PlanOf(*task).space, config.sampling, comparisons, Output<int32_t>(*task, kPositions));
      const std::vector<int32_t> resolved(comparisons, comparisons + task->outputs[kComparisons].element_count());
      problems[Problem(resolved, std::abs(config.tclip), HasRegularizer(config))].push_back(task);
    }
    for (const auto& problem : problems) GroupRun(problem.second, device()).Run();
  }
};

}  // namespace

std::unique_ptr<Loss> MakeAtenFeatureMapContrastive(at::Device device) {
  return std::make_unique<FeatureMapContrastive>(device);
}

}  // namespace lossd
