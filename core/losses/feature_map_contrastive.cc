// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// AMDIM's contrastive loss between feature maps of two views, as FeatureMapContrastiveTask of PyTorch Lightning Bolts
// 0.7: which maps meet in which roles. The arithmetic of one direction is in core/engine/contrast_maps.h.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "core/engine/contrast_maps.h"
#include "core/engine/rounding.h"
#include "core/engine/workspace.h"
#include "core/losses/feature_map_plan.h"
#include "core/losses/loss.h"
#include "core/losses/widened_task.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

// Images whose sampled vectors are read or written in one iteration.
constexpr int64_t kImagesAtATime = 16;
// A workspace up to this size lies on the stack, so that small requests allocate nothing.
constexpr int64_t kStackWorkspace = 16 << 10;

// A direction of a comparison: inputs by number, positions of the source, share of the losses' mean.
struct Direction {
  size_t pair;
  size_t source;
  size_t target;
  const int32_t* positions;
};

// A source's gradient that waits to be added to its map: the map's first dense gradient would overwrite it.
template <typename T>
struct PendingGradient {
  T* vectors;                            // As the engine takes them.
  const Direction* direction = nullptr;  // Null: free.
};

template <typename T>
class TaskRun {
 public:
  TaskRun(LossTask& task, std::byte* block, const RunContext& context)
      : task_(task),
        plan_(static_cast<const FeatureMapPlan&>(*task.plan)),
        config_(std::get<FeatureMapContrastiveConfig>(task.request->loss)),
        share_(1.0 / plan_.space.directions),
        precision_(context.precision),
        parallel_(context.parallel) {
    Workspace workspace(block);
    const int64_t vectors = SourceVectors<T>(plan_);
    sources_ = workspace.Take<T>(vectors);
    for (int64_t i = 0; i < plan_.source_slots; ++i) pending_.push_back({workspace.Take<T>(vectors)});
    engine_block_ = block + workspace.bytes();
  }

  void Run() {
    ResolveSampling(plan_.space, config_.sampling, Output<int32_t>(kComparisons), Output<int32_t>(kPositions));
    ListDirections();
    std::fill_n(Output<T>(kLosses), plan_.space.comparisons.size(), T{0});
    for (const Direction& direction : directions_) {
      if (task_.IsCancelled()) break;
      RunDirection(direction);
    }
    if (task_.IsCancelled()) {
      task_.status = absl::CancelledError("cancelled during the computation");
      return;
    }
    for (size_t input = 0; input < maps_.size(); ++input) {
      if (Wanted(input) && !maps_[input].written) ZeroGradient(input);
    }
    WriteOutputs();
  }

 private:
  // What a run knows of a map.
  struct MapState {
    bool written = false;  // Its gradient has been overwritten once.
    int targets_left = 0;  // Directions to come in which it is the target.
  };

  template <typename U>
  U* Output(FeatureMapOutput output) const {
    return task_.outputs[static_cast<size_t>(output)].template data<U>();
  }
  const Shape& ShapeOf(size_t input) const { return task_.inputs[input].spec().shape; }
  int64_t LocationsOf(size_t input) const { return ShapeOf(input)[2] * ShapeOf(input)[3]; }
  bool Wanted(size_t input) const { return static_cast<bool>(task_.gradients[input].buffer()); }
  double LossWeight(size_t pair) const { return config_.loss_weights.empty() ? 1.0 : config_.loss_weights[pair]; }

  size_t InputOf(int side, int32_t index) const {
    return static_cast<size_t>(plan_.maps[static_cast<size_t>(side)][static_cast<size_t>(index)]);
  }

  void ListDirections() {
    maps_.resize(task_.inputs.size());
    const int32_t* comparisons = Output<int32_t>(kComparisons);
    const int32_t* positions = Output<int32_t>(kPositions);
    for (size_t pair = 0; pair < plan_.space.comparisons.size(); ++pair) {
      for (int direction = 0; direction < plan_.space.directions; ++direction, positions += plan_.images()) {
        const size_t source = InputOf(direction, comparisons[2 * pair]);
        const size_t target = InputOf(1 - direction, comparisons[2 * pair + 1]);
        directions_.push_back({pair, source, target, positions});
        ++maps_[target].targets_left;
      }
    }
    losses_.resize(plan_.space.comparisons.size());
  }

  // Computes one direction and adds the gradients it gives.
  void RunDirection(const Direction& direction) {
    GatherSources(direction);
    PendingGradient<T>& pending = FreePending();
    const double scale = share_ * task_.request->gradients.scale;
    const StatedMapContrast& stated = plan_.contrasts[direction.target];
    MapOperands<T> operands;
    operands.sources = sources_;
    operands.targets = task_.inputs[direction.target].data<T>();
    operands.loss_weight = scale * LossWeight(direction.pair);
    operands.square_weight = scale * config_.regularizer_weight * config_.regularizer_scale;
    operands.source_gradient = Wanted(direction.source) ? pending.vectors : nullptr;
    operands.target_gradient = Wanted(direction.target) ? task_.gradients[direction.target].data<T>() : nullptr;
    operands.accumulate_target = maps_[direction.target].written;
    if (GainsFromBf16(stated.problem)) operands.precision = precision_;
    const MapContrastResult result =
        ComputeMapContrast(stated.problem, operands, stated.cut, engine_block_, task_.cancelled, parallel_);
    losses_[direction.pair] += share_ * result.loss;
    if (config_.regularizer_scale != 0) regularizer_ += share_ * config_.regularizer_scale * result.mean_square;
    --maps_[direction.target].targets_left;
    if (Wanted(direction.target)) OnTargetWritten(direction.target);
    if (Wanted(direction.source)) KeepOrAddSource(direction, pending);
  }

  // There is always one: KeepOrAddSource leaves one.
  PendingGradient<T>& FreePending() {
    return *std::find_if(pending_.begin(), pending_.end(),
                         [](const PendingGradient<T>& pending) { return pending.direction == nullptr; });
  }

  // The target's gradient has been written: what waited for it can be added.
  void OnTargetWritten(size_t input) {
    maps_[input].written = true;
    for (PendingGradient<T>& pending : pending_) {
      if (pending.direction != nullptr && pending.direction->source == input) AddSource(pending);
    }
  }

  // Adds the source's gradient to its map, or lets it wait if the map will be overwritten and places are left.
  void KeepOrAddSource(const Direction& direction, PendingGradient<T>& pending) {
    MapState& map = maps_[direction.source];
    pending.direction = &direction;
    const bool last =
        std::none_of(pending_.begin(), pending_.end(), [](const auto& s) { return s.direction == nullptr; });
    if (!map.written && map.targets_left > 0 && !last) return;
    if (!map.written) ZeroGradient(direction.source);
    AddSource(pending);
  }

  void AddSource(PendingGradient<T>& pending) {
    const Direction& direction = *pending.direction;
    T* gradient = task_.gradients[direction.source].data<T>();
    const T* vectors = pending.vectors;
    ForSourceElements(direction, [&](int64_t element, int64_t vector) { gradient[element] += vectors[vector]; });
    pending.direction = nullptr;
  }

  void ZeroGradient(size_t input) {
    const absl::Span<T> gradient = task_.gradients[input].elements<T>();
    std::fill(gradient.begin(), gradient.end(), T{0});
    maps_[input].written = true;
  }

  // The vectors at the sampled positions, zeros behind the last.
  void GatherSources(const Direction& direction) {
    const Panels panels = SourcePanels(direction);
    if (panels.padded_columns() > panels.columns) {
      T* const last = sources_ + (panels.count() - 1) * panels.panel_size();
      std::fill_n(last, panels.panel_size(), T{0});
    }
    const T* map = task_.inputs[direction.source].data<T>();
    ForSourceElements(direction, [&](int64_t element, int64_t vector) { sources_[vector] = map[element]; });
  }

  Panels SourcePanels(const Direction& direction) const {
    return MapSourcePanels<T>({plan_.images(), ShapeOf(direction.source)[1], LocationsOf(direction.target)});
  }

  // Calls `body(element, vector)` with the index into the source map and into the vectors of all sampled elements.
  template <typename Body>
  void ForSourceElements(const Direction& direction, const Body& body) {
    const Panels panels = SourcePanels(direction);
    const int64_t locations = LocationsOf(direction.source);
    const int64_t iterations = CeilDiv(plan_.images(), kImagesAtATime);
    parallel_.For(iterations, [&](int64_t i) {
      const int64_t last = std::min((i + 1) * kImagesAtATime, plan_.images());
      for (int64_t b = i * kImagesAtATime; b < last; ++b) {
        const int64_t element = b * panels.rows * locations + direction.positions[b];
        const int64_t vector = panels.Offset(0, b);
        for (int64_t c = 0; c < panels.rows; ++c) body(element + c * locations, vector + c * panels.width);
      }
    });
  }

  void WriteOutputs() {
    // A term of weight 0 is no part of it, whatever it is.
    if (config_.regularizer_weight != 0) task_.objective = config_.regularizer_weight * regularizer_;
    for (size_t pair = 0; pair < losses_.size(); ++pair) {
      Output<T>(kLosses)[pair] = static_cast<T>(losses_[pair]);
      if (LossWeight(pair) != 0) task_.objective += LossWeight(pair) * losses_[pair];
    }
    *Output<T>(kRegularizer) = static_cast<T>(regularizer_);
  }

  LossTask& task_;
  const FeatureMapPlan& plan_;
  const FeatureMapContrastiveConfig& config_;
  const double share_;  // Of a direction in its pair's loss.
  const GemmPrecision precision_;
  Parallel& parallel_;
  T* sources_;  // Vectors of the direction at hand, as the engine takes them.
  std::byte* engine_block_;
  absl::InlinedVector<PendingGradient<T>, 8> pending_;
  absl::InlinedVector<Direction, 16> directions_;
  absl::InlinedVector<MapState, 32> maps_;  // For each input.
  absl::InlinedVector<double, 8> losses_;   // For each pair.
  double regularizer_ = 0;
};

template <typename T>
void RunTask(LossTask& task, const RunContext& context) {
  const int64_t bytes = task.plan->workspace_bytes;
  if (bytes <= kStackWorkspace) {
    alignas(kBufferAlignment) std::byte block[kStackWorkspace];
    return TaskRun<T>(task, block, context).Run();
  }
  const Buffer buffer = context.pool.Allocate(static_cast<size_t>(bytes));
  TaskRun<T>(task, buffer.data(), context).Run();
}

class FeatureMapContrastive final : public Loss {
 public:
  LossDescription Describe() const override {
    return {.name = "feature_map_contrastive",
            .summary = "AMDIM's noise contrastive estimation between feature maps of two views",
            .inputs = {{.name = "anchor.*", .shape = {"B", "C", "H", "W"}},
                       {.name = "positive.*", .shape = {"B", "C", "H", "W"}}},
            .outputs = {"losses", "regularizer", "comparisons", "positions"},
            .dtypes = {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kFloat64}};
  }

  absl::StatusOr<std::unique_ptr<LossPlan>> Prepare(const ComputeSpec& request) const override {
    return PlanFeatureMaps(request);
  }

  void Run(absl::Span<LossTask* const> batch, const RunContext& context) const override {
    context.parallel.For(static_cast<int64_t>(batch.size()), [&](int64_t i) {
      LossTask& task = *batch[static_cast<size_t>(i)];
      const auto& plan = static_cast<const FeatureMapPlan&>(*task.plan);
      if (plan.widened) {
        WidenedTask widened(task, context.pool);
        RunTask<double>(widened.wide(), context);
        widened.Finish();
      } else {
        plan.dtype == DType::kFloat64 ? RunTask<double>(task, context) : RunTask<float>(task, context);
      }
    });
  }
};

}  // namespace

std::unique_ptr<Loss> MakeFeatureMapContrastive() { return std::make_unique<FeatureMapContrastive>(); }

}  // namespace lossd
