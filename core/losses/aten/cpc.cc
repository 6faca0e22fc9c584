// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Contrastive predictive coding, as core/losses/cpc/cpc.cc, by grouped products.

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>

#include "core/engine/finite_cast.h"
#include "core/losses/aten/aten_loss.h"
#include "core/losses/aten/aten_losses.h"
#include "core/losses/aten/cpc_scores.h"
#include "core/losses/aten/cpc_weights.h"
#include "core/losses/aten/pixel_cnn.h"
#include "core/losses/cpc/cpc_parameter_cache.h"
#include "core/losses/cpc/cpc_plan.h"

namespace lossd {
namespace {

using aten::Groups;

const CpcPlan& PlanOf(const LossTask& task) { return static_cast<const CpcPlan&>(*task.plan); }

// The groups of a run, G of them.
class CpcGroups {
 public:
  CpcGroups(Groups groups, const aten::CpcWeightTensors& weights, const aten::Target& target)
      : groups_(groups),
        weights_(weights),
        target_(target),
        plan_(PlanOf(*groups[0])),
        wants_(WantsOf(plan_, [&](size_t index) { return aten::AnyWants(groups, index); })),
        type_(aten::ScalarTypeOf(plan_.dtype)),
        z_(aten::StackInput(groups, plan_.z, target.device).permute({0, 1, 3, 4, 2}).contiguous()) {}

  void Run() {
    const aten::PixelCnnContext context =
        aten::RunPixelCnn(target_, z_.narrow(2, 0, plan_.shape.rows()), weights_.context, wants_.context());
    if (aten::AllCancelled(groups_)) return;
    const aten::CpcScoresResult scores = Contrast(context.context);
    if (aten::AllCancelled(groups_)) return;
    WriteLosses(scores.step_losses);
    if (scores.prediction_gradient.defined()) {
      Backward(context, scores);
    } else {
      aten::WriteWeightGradients(groups_, plan_, {}, {});  // At most that of target_bias is wanted.
    }
  }

 private:
  int64_t Count() const { return static_cast<int64_t>(groups_.size()); }

  // Of the power of two that gradients lack on their way (core/engine/finite_cast.h).
  static int Exponent(const LossTask& task) { return WeightExponent(std::abs(task.request->gradients.scale)); }

  // What they are multiplied by in the end: [G], float64; undefined where no group's is lacking.
  at::Tensor Factors() const {
    if (std::all_of(groups_.begin(), groups_.end(), [](const LossTask* task) { return Exponent(*task) == 0; })) {
      return {};
    }
    return aten::StackNumbers(
        groups_, [](const LossTask& task) { return std::ldexp(1.0, Exponent(task)); }, at::kDouble, target_.device);
  }

  // [G, B, rows, w, D] as [G, B rows w, D].
  at::Tensor Rows(const at::Tensor& map) const { return map.flatten(1, 3); }

  aten::CpcScoresResult Contrast(const at::Tensor& context) const {
    aten::CpcScores scores;
    scores.shape = plan_.contrast();
    scores.predictions = Rows(aten::Convolve(target_, context, weights_.prediction, weights_.prediction_bias));
    scores.targets = Rows(aten::Convolve(target_, z_, weights_.target, weights_.target_bias));
    scores.embed_scales = aten::StackNumbers(
        groups_, [](const LossTask& task) { return PlanOf(task).problem.scale; }, at::kDouble, target_.device);
    scores.step_weights = aten::ToDevice(StepWeights(), target_.device);
    scores.gradients = wants_.predictions() || wants_.targets();
    return aten::ContrastSteps(scores, groups_, target_);
  }

  // Weight of each step in the gradient: [G, R].
  at::Tensor StepWeights() const {
    const int64_t steps = plan_.contrast().steps();
    at::Tensor weights = at::empty({Count(), steps}, at::kDouble);
    double* to = weights.data_ptr<double>();
    for (const LossTask* task : groups_) {
      for (int64_t i = 1; i <= steps; ++i) {
        const double weight = PlanOf(*task).step_weights[static_cast<size_t>(i - 1)];
        *to++ = std::ldexp(weight * task->request->gradients.scale, -Exponent(*task));
      }
    }
    return weights;
  }

  void WriteLosses(const at::Tensor& step_losses) const {
    const std::vector<LossTask*> groups(groups_.begin(), groups_.end());
    aten::WhenOnHost(groups_, step_losses, [groups](const at::Tensor& steps) { WriteLosses(groups, steps); });
  }

  // `steps` is [G, R].
  static void WriteLosses(Groups groups, const at::Tensor& steps) {
    at::Tensor losses = at::zeros({steps.size(0)}, at::kDouble);
    for (int64_t g = 0; g < steps.size(0); ++g) {
      LossTask& task = *groups[static_cast<size_t>(g)];
      task.objective = 0;
      for (int64_t i = 1; i <= steps.size(1); ++i) {
        task.objective +=
            PlanOf(task).step_weights[static_cast<size_t>(i - 1)] * steps.data_ptr<double>()[g * steps.size(1) + i - 1];
      }
      losses.data_ptr<double>()[g] = task.objective;
    }
    aten::WriteOutput(groups, 0, losses);
    aten::WriteOutput(groups, 1, steps);
  }

  void Backward(const aten::PixelCnnContext& context, const aten::CpcScoresResult& scores) const {
    const PixelCnnShape& shape = plan_.shape;
    const at::Tensor predictions =
        scores.prediction_gradient.view({Count(), shape.batch, shape.rows(), shape.width, plan_.dim});
    const at::Tensor targets =
        scores.target_gradient.view({Count(), shape.batch, shape.height, shape.width, plan_.dim});
    const at::Tensor factors = Factors();
    aten::CpcWeightTensors gradients;
    if (wants_.parameters[kTargetWeight]) gradients.target = aten::Correlate(target_, targets, z_);
    // That of target_bias is zero: the contrast does not change where all targets are shifted.
    if (wants_.parameters[kPredictionWeight])
      gradients.prediction = aten::Correlate(target_, predictions, context.context);
    if (wants_.parameters[kPredictionBias]) gradients.prediction_bias = aten::SumOverPositions(predictions);
    if (wants_.context()) {
      const at::Tensor entered =
          aten::RunPixelCnnBackward(target_, aten::ConvolveBack(target_, predictions, weights_.prediction), context,
                                    weights_.context, wants_.context_parameters() ? &gradients.context : nullptr);
      if (wants_.z) WriteInputGradient(entered, targets, factors);
    }
    aten::WriteWeightGradients(groups_, plan_, gradients, factors);
  }

  // What comes back through the network, of rows 0 .. R - 1, and through the targets.
  void WriteInputGradient(const at::Tensor& entered, const at::Tensor& targets, const at::Tensor& factors) const {
    at::Tensor gradient = aten::ConvolveBack(target_, targets, weights_.target);
    gradient.narrow(2, 0, plan_.shape.rows()).add_(entered);
    aten::WriteGradient(groups_, plan_.z, aten::TimesFactors(gradient, factors).permute({0, 1, 4, 2, 3}));
  }

  const Groups groups_;
  const aten::CpcWeightTensors& weights_;
  const aten::Target& target_;
  const CpcPlan& plan_;
  const CpcWants wants_;
  const at::ScalarType type_;
  const at::Tensor z_;  // [G, B, h, w, C]
};

// Elements that a group's pass takes: activations that are kept, taps joined for a product, and their gradients.
int64_t PassElements(const CpcPlan& plan) {
  const int64_t positions = plan.shape.positions();
  const int64_t targets = plan.contrast().targets();
  const int64_t kept = kPixelCnnBlocks * positions * (plan.shape.channels + 3 * kPixelCnnHidden);
  const int64_t passing = positions * (4 * plan.shape.channels + 14 * kPixelCnnHidden);
  return kept + passing + 3 * targets * plan.shape.channels + 4 * (positions + targets) * plan.dim;
}

int64_t ParameterBytes(const CpcPlan& plan) {
  int64_t bytes = 0;
  for (const TensorSpec& spec : CpcParameterSpecs(plan.shape.channels, plan.dim, plan.dtype)) bytes += ByteSize(spec);
  return bytes;
}

class Cpc final : public aten::AtenLoss {
 public:
  Cpc(const aten::Target& target, int64_t parameter_cache_bytes)
      : AtenLoss(MakeCpc(0), target), cache_(parameter_cache_bytes) {}

 private:
  // A pass, the chunks of scores, the parameters and their gradients; those from a seed count as if they were drawn for
  // this request alone.
  int64_t WorkspaceBytes(const ComputeSpec&, const LossPlan& plan) const override {
    const auto& cpc = static_cast<const CpcPlan&>(plan);
    const auto element = static_cast<int64_t>(SizeOf(cpc.dtype));
    const int64_t parameters = 3 * ParameterBytes(cpc);
    const CpcContrastShape contrast = cpc.contrast();
    const int64_t scores = target().BlockBytes(contrast.predictions(), contrast.targets(), 2, element);
    const int64_t steps = 2 * contrast.predictions() * contrast.steps() * static_cast<int64_t>(sizeof(double));
    const int64_t drawing =
        cpc.sent_parameters ? 0 : aten::BytesToMakeSeedWeights(cpc.shape.channels, cpc.dim, cpc.dtype);
    return PassElements(cpc) * element + parameters + drawing + scores + steps;
  }

  void RunGroups(Groups groups) const override {
    const CpcPlan& plan = PlanOf(*groups[0]);
    if (plan.sent_parameters) return CpcGroups(groups, aten::StackSentWeights(groups, plan, device()), target()).Run();
    const at::ScalarType type = aten::ScalarTypeOf(plan.dtype);
    const std::shared_ptr<const void> weights =
        cache_.GetOrMake(plan.parameter_key, plan.dtype, ParameterBytes(plan), [&]() -> std::shared_ptr<const void> {
          return std::make_shared<const aten::CpcWeightTensors>(
              aten::MakeSeedWeights(plan.parameter_key, type, device()));
        });
    CpcGroups(groups, *std::static_pointer_cast<const aten::CpcWeightTensors>(weights), target()).Run();
  }

  mutable CpcParameterCache cache_;
};

}  // namespace

std::unique_ptr<Loss> MakeAtenCpc(const aten::Target& target, int64_t parameter_cache_bytes) {
  return std::make_unique<Cpc>(target, parameter_cache_bytes);
}

}  // namespace lossd
