// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/moments.h"

#include <ATen/ATen.h>

#include <array>
#include <cstddef>

#include "core/engine/far_columns.h"
#include "core/losses/aten/aten_loss.h"
#include "core/losses/aten/products.h"
#include "core/losses/operator_loss.h"

namespace lossd::aten {
namespace {

// The groups of a run, G of them. Statistics of columns are [G, 1, D], float64.
class MomentGroups {
 public:
  MomentGroups(const MomentsProblem& problem, at::ScalarType type, Groups groups, const Target& target)
      : problem_(problem), groups_(groups), target_(target), rows_(static_cast<double>(problem.rows)) {
    for (size_t view = 0; view < 2; ++view) {
      wide_[view] = StackInput(groups, Input(view), target.device).to(at::kDouble);
      const bool is_wide = groups[0]->inputs[Input(view)].spec().dtype == DType::kFloat64;
      at::Tensor mean = wide_[view].sum(1, true).div_(rows_);
      // Of doubles, the sum may leave their range.
      if (is_wide) mean = at::where(mean.isinf(), wide_[view].div(rows_).sum(1, true), mean);
      centred_[view] = wide_[view] - mean;
      // What the mean of doubles is rounded by counts where columns are far from zero.
      if (is_wide) {
        centred_[view].sub_(centred_[view].sum(1, true).div_(rows_));
      }
      const at::Tensor largest = centred_[view].abs().amax(1, true);
      deviations_[view] = DeviationsOf(centred_[view], largest);
      if (problem.cross) {
        centred_[view] = (centred_[view] / deviations_[view]).masked_fill_(deviations_[view] == 0, 0);
      }
      views_[view] = (problem.cross ? centred_[view] : BroughtNear(view, type, largest)).to(type);
      if (AnyWants(groups, Input(view))) gradients_[view] = at::zeros_like(views_[view]);
    }
  }

  void Run() {
    std::array<at::Tensor, 3> terms;
    if (problem_.cross) {
      RunCorrelation(terms);
    } else {
      RunCovariances(terms);
    }
    if (!AllCancelled(groups_)) Finish(terms);
  }

 private:
  size_t Input(size_t view) const { return static_cast<size_t>(problem_.inputs[view]); }

  // Calls body(first, count) for chunks of columns, by the shape alone.
  template <typename Body>
  void ForChunks(const Body& body) const {
    const int64_t chunk = target_.BlockRows(problem_.width, problem_.width);
    for (int64_t first = 0; first < problem_.width && !AllCancelled(groups_); first += chunk) {
      body(first, std::min(chunk, problem_.width - first));
    }
  }

  static at::Tensor SumOfSquares(const at::Tensor& moments) {
    return moments.to(at::kDouble).square().sum(2).sum(1);  // [G]
  }

  void RunCovariances(std::array<at::Tensor, 3>& terms) {
    const auto width = static_cast<double>(problem_.width);
    terms[0] = (wide_[0] - wide_[1]).square_().sum(2).sum(1).div_(rows_ * width);
    terms[1] = at::zeros_like(terms[0]);
    terms[2] = at::zeros_like(terms[0]);
    for (size_t view = 0; view < 2; ++view) {
      terms[1] += (1 - deviations_[view]).clamp_min_(0).sum(2).sum(1).div_(2 * width);
      const at::Tensor& z = views_[view];
      ForChunks([&](int64_t first, int64_t count) {
        const at::Tensor block = z.narrow(2, first, count);
        at::Tensor covariance = Multiply(target_, block.transpose(1, 2), z).div_(rows_ - 1);  // [G, count, D]
        covariance.diagonal(first, 1, 2).fill_(0);
        at::Tensor sum = SumOfSquares(covariance).div_(width);
        for (int i = 0; i < 4; ++i) sum.div_(factors_[view].view({-1}));
        terms[2] += sum;
        if (gradients_[view].defined() && problem_.weights[2] != 0) {
          AddProduct(target_, gradients_[view].narrow(2, first, count), z, covariance.transpose(1, 2));
        }
      });
    }
  }

  // sqrt(variance + eps) of each column; squares of very large columns are formed of the columns times a power of two,
  // and of very small ones where there is no eps beside which they do not matter.
  at::Tensor DeviationsOf(const at::Tensor& centred, const at::Tensor& largest) const {
    constexpr double kFar = 0x1p400;
    constexpr double kFactor = 0x1p600;
    at::Tensor factors = at::ones_like(largest).masked_fill_(largest > kFar, 1 / kFactor);
    if (problem_.eps == 0) factors.masked_fill_(largest < 1 / kFar, kFactor);
    const at::Tensor squares = (centred * factors).square_().sum(1, true);
    at::Tensor variance = squares / (problem_.cross ? rows_ : rows_ - 1);
    if (problem_.eps != 0) variance.add_(factors.square(), problem_.eps);  // Whose factors are at most ones.
    return variance.sqrt_().div_(factors);
  }

  // The centred columns, scaled where their covariances leave the type's range.
  at::Tensor BroughtNear(size_t view, at::ScalarType type, const at::Tensor& of_columns) {
    const at::Tensor largest = of_columns.amax(2, true);  // [G, 1, 1]
    const auto& [far, farther] = type == at::kFloat ? kFarColumns<float> : kFarColumns<double>;
    factors_[view] = at::where(largest > far.bound, far.factor, at::ones_like(largest));
    factors_[view].masked_fill_(largest > farther.bound, farther.factor);
    return centred_[view] * factors_[view];
  }

  void RunCorrelation(std::array<at::Tensor, 3>& terms) {
    const double factor = FactorOfWeights(problem_);
    // c_dd - 1 without its cancellation.
    at::Tensor diagonal = (centred_[0] - centred_[1]).square_().sum(1, true).div_(rows_);
    for (const at::Tensor& deviation : deviations_) {
      diagonal = diagonal + (problem_.eps / deviation / deviation).masked_fill_(deviation == 0, 1);
    }
    diagonal = diagonal.div_(-2).squeeze(1);  // [G, D]
    terms[0] = diagonal.square().sum(1);
    terms[1] = at::zeros_like(terms[0]);
    ForChunks([&](int64_t first, int64_t count) {
      const at::Tensor block = views_[0].narrow(2, first, count);
      at::Tensor c = Multiply(target_, block.transpose(1, 2), views_[1]).div_(rows_);  // [G, count, D]
      c.diagonal(first, 1, 2).fill_(0);
      terms[1] += SumOfSquares(c);
      c = problem_.weights[1] == 0 ? at::zeros_like(c) : c.mul_(2 * factor * problem_.weights[1]);
      c.diagonal(first, 1, 2).copy_(diagonal.narrow(1, first, count) * (2 * factor * problem_.weights[0]));
      if (gradients_[0].defined()) {
        AddProduct(target_, gradients_[0].narrow(2, first, count), views_[1], c.transpose(1, 2));
      }
      if (gradients_[1].defined()) AddProduct(target_, gradients_[1], block, c);
    });
  }

  void Finish(const std::array<at::Tensor, 3>& terms) {
    at::Tensor loss = at::zeros_like(terms[0]);
    for (size_t term = 0; term < problem_.terms(); ++term) {
      if (problem_.weights[term] != 0) loss += terms[term] * problem_.weights[term];
      WhenOnHost(groups_, terms[term],
                 [groups = groups_, term](const at::Tensor& values) { WriteOutput(groups, term + 1, values); });
    }
    WhenOnHost(groups_, loss, [groups = groups_](const at::Tensor& values) {
      WriteOutput(groups, 0, values);
      for (size_t g = 0; g < groups.size(); ++g) groups[g]->objective = values.data_ptr<double>()[g];
    });
    const at::Tensor weights = StackNumbers(
        groups_, [](const LossTask& task) { return task.request->gradients.scale; }, at::kDouble, target_.device);
    for (size_t view = 0; view < 2; ++view) {
      if (!gradients_[view].defined()) continue;
      const at::Tensor gradient = problem_.cross ? OfCorrelation(view) : OfCovariances(view);
      WriteGradient(groups_, Input(view), gradient * weights.view({-1, 1, 1}));
    }
  }

  at::Tensor OfCovariances(size_t view) const {
    const auto width = static_cast<double>(problem_.width);
    const auto& [distance, hinge, covariance] = problem_.weights;
    at::Tensor sum = at::zeros_like(centred_[view]);
    if (covariance != 0) {
      sum += gradients_[view].to(at::kDouble) * (4 * covariance / (width * (rows_ - 1)));
      for (int i = 0; i < 3; ++i) sum.div_(factors_[view]);
    }
    if (hinge != 0) {
      const at::Tensor& deviation = deviations_[view];
      const at::Tensor counts = (deviation < 1).logical_and_(deviation > 0);
      const at::Tensor slopes = (-hinge / (2 * width * (rows_ - 1)) / deviation).masked_fill_(counts.logical_not(), 0);
      sum += centred_[view] * slopes;
    }
    if (distance != 0) sum += (wide_[view] - wide_[1 - view]) * (2 * distance / (rows_ * width));
    return sum;
  }

  // Back through the standardisation.
  at::Tensor OfCorrelation(size_t view) const {
    at::Tensor gradient = gradients_[view].to(at::kDouble).div_(rows_);
    const at::Tensor mean = gradient.sum(1, true).div_(rows_);
    const at::Tensor along = (gradient * centred_[view]).sum(1, true).div_(rows_);
    gradient = gradient - mean - centred_[view] * along;
    gradient.div_(deviations_[view]).div_(FactorOfWeights(problem_));
    return gradient.masked_fill_(deviations_[view] == 0, 0);
  }

  const MomentsProblem& problem_;
  const Groups groups_;
  const Target& target_;
  const double rows_;
  std::array<at::Tensor, 2> wide_;        // [G, N, D], float64.
  std::array<at::Tensor, 2> centred_;     // Likewise; standardised for the correlation.
  std::array<at::Tensor, 2> views_;       // The same as products read them.
  std::array<at::Tensor, 2> deviations_;  // sqrt(variance + eps)
  std::array<at::Tensor, 2> factors_;     // [G, 1, 1]: of the views' columns, for covariances.
  std::array<at::Tensor, 2> gradients_;   // Undefined where nobody wants them.
};

}  // namespace

void RunMoments(const MomentsProblem& problem, DType computed, Groups groups, const Target& target) {
  MomentGroups(problem, ScalarTypeOf(computed), groups, target).Run();
}

int64_t MomentsBytes(const MomentsProblem& problem, DType computed, const ComputeSpec& request, const Target& target) {
  return 3 * InputBytesIn(computed, request) + 5 * InputBytesIn(DType::kFloat64, request) +
         target.BlockBytes(problem.width, problem.width, 3, 8);
}

}  // namespace lossd::aten
