// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/contrast.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstddef>
#include <optional>

#include "core/losses/aten/aten_loss.h"
#include "core/losses/aten/contrast_terms.h"
#include "core/losses/aten/row_stack.h"
#include "core/losses/operator_loss.h"

namespace lossd::aten {
namespace {

using Pairs = ContrastProblem::Pairs;
using Term = ContrastProblem::Term;

// The groups of a run, G of them.
class ContrastGroups {
 public:
  ContrastGroups(const ContrastProblem& problem, at::ScalarType type, Groups groups, const Target& target)
      : problem_(problem),
        groups_(groups),
        target_(target),
        exact_(Exact(target)),
        rows_(groups, problem.rows, problem.normalize, type, target) {
    if (!problem.symmetric()) columns_.emplace(groups, problem.columns, problem.normalize, type, target);
    scale_ = Numbers(problem.scale_input, problem.scale);
    weight_ = StackNumbers(
        groups, [](const LossTask& task) { return task.request->gradients.scale; }, at::kDouble, target.device);
    if (AnyWants(problem.rows) || Wants(problem.scale_input)) rows_.MakeGradient();
    if (!problem.symmetric() && AnyWants(problem.columns)) columns_->MakeGradient();
  }

  void Run() {
    ContrastOperands operands;
    operands.rows = rows_.operand();
    operands.columns = columns().operand();
    operands.type = rows_.type();
    operands.scale = scale_;
    operands.numbers = at::zeros({scale_.size(0), ContrastNumbers(problem_), problem_.row_count()}, scale_.options());
    if (problem_.term == Term::kSigmoid) operands.bias = Numbers(problem_.bias_input, problem_.bias);
    if (problem_.labels_input >= 0) {
      const at::Tensor labels = StackInput(groups_, static_cast<size_t>(problem_.labels_input), target_.device);
      operands.labels = labels.to(at::kLong).contiguous();
    }
    if (problem_.weight_sigma.has_value()) operands.pair_weights = PairWeights();
    if (problem_.exclusion.has_value()) FormGuides(operands);
    RunTerms(problem_, groups_, target_, operands);
    if (!AllCancelled(groups_)) Finish(operands.numbers.sum(2));
  }

 private:
  // What leaves is decided by cosines that are not rounded.
  static Target Exact(Target target) {
    if (target.precision == GemmPrecision::kBf16) target.precision = GemmPrecision::kFloat32;
    return target;
  }

  RowStack& columns() { return columns_.has_value() ? *columns_ : rows_; }
  bool Wants(int input) const { return input >= 0 && aten::AnyWants(groups_, static_cast<size_t>(input)); }
  bool AnyWants(absl::Span<const ContrastPart> parts) const {
    return std::any_of(parts.begin(), parts.end(), [this](const ContrastPart& part) { return Wants(part.input); });
  }
  at::Tensor Numbers(int input, double otherwise) const {
    return StackNumbers(
        groups_, [=](const LossTask& task) { return ScalarInput(task, input, otherwise); }, at::kDouble,
        target_.device);
  }

  // The bound of a row is made of the similarity of its own pair, as the same product gives it.
  void FormGuides(ContrastOperands& operands) {
    const ContrastExclusion& rule = *problem_.exclusion;
    guide_rows_.emplace(groups_, rule.rows, true, rows_.type(), exact_);
    guide_columns_.emplace(groups_, rule.columns, true, rows_.type(), exact_);
    operands.guide_rows = guide_rows_->rows();
    operands.guide_columns = guide_columns_->rows();
    const int64_t count = problem_.row_count();
    const at::Tensor of_pairs = operands.guide_rows.new_empty({operands.guide_rows.size(0), count});
    const int64_t block = target_.BlockRows(count, problem_.column_count());
    for (int64_t first = 0; first < count; first += block) {
      const int64_t size = std::min(block, count - first);
      const at::Tensor all =
          at::bmm(operands.guide_rows.narrow(1, first, size), operands.guide_columns.transpose(1, 2));
      of_pairs.narrow(1, first, size).copy_(all.diagonal(first, 1, 2).narrow(1, 0, size));
    }
    const at::Tensor exact = of_pairs.to(at::kDouble);
    operands.bounds =
        (rule.relative ? exact - exact.abs().mul_(rule.margin) : exact - rule.margin).to(of_pairs.scalar_type());
  }

  at::Tensor PairWeights() {
    const int64_t count = problem_.rows[0].count;
    const bool views = problem_.pairs == Pairs::kNextView;
    const at::Tensor first = rows_.rows().narrow(1, 0, count).to(at::kDouble);
    const at::Tensor second = (views ? rows_.rows().narrow(1, count, count) : columns().rows()).to(at::kDouble);
    at::Tensor similarities = (first * second).sum(2);
    for (const at::Tensor& factor : {rows_.factor(), columns().factor()}) {
      if (factor.defined()) similarities.mul_(factor.unsqueeze(1));
    }
    const at::Tensor exponentials = similarities.sub_(similarities.amax(1, true)).div_(*problem_.weight_sigma).exp_();
    const at::Tensor weights = 2 - exponentials.mul(static_cast<double>(count)).div_(exponentials.sum(1, true));
    return views ? at::cat({weights, weights}, 1) : weights;
  }

  void Finish(const at::Tensor& numbers) {
    WhenOnHost(groups_, numbers,
               [groups = std::vector<LossTask*>(groups_.begin(), groups_.end()),
                rows = static_cast<double>(problem_.row_count())](const at::Tensor& values) {
                 WriteNumbers(groups, rows, values);
               });
    if (rows_.gradient().defined()) {
      const at::Tensor along = rows_.WriteGradients({scale_, weight_, columns().factor()});
      if (Wants(problem_.scale_input)) WriteScaleGradient(along.sum(1));
    }
    if (columns_.has_value() && columns_->gradient().defined()) {
      columns_->WriteGradients({scale_, weight_, rows_.factor()});
    }
    // A softmax does not depend on what is added to all scores: its slope is zero.
    if (Wants(problem_.bias_input)) {
      WriteScalar(problem_.bias_input,
                  problem_.term == Term::kSigmoid ? numbers.select(1, kBiasSlope) * weight_ : at::zeros_like(weight_));
    }
  }

  static void WriteNumbers(Groups groups, double rows, const at::Tensor& values) {
    const at::Tensor losses = values.select(1, kRowLoss) + values.select(1, kColumnLoss);
    WriteOutput(groups, 0, losses);
    if (groups[0]->outputs.size() > 1) WriteOutput(groups, 1, values.select(1, kRight) / rows);
    for (size_t g = 0; g < groups.size(); ++g) groups[g]->objective = losses.data_ptr<double>()[g];
  }

  void WriteScaleGradient(const at::Tensor& along) {
    for (const at::Tensor& factor : {rows_.factor(), columns().factor(), weight_}) {
      if (factor.defined()) along.mul_(factor);
    }
    WriteScalar(problem_.scale_input, along);
  }

  void WriteScalar(int input, const at::Tensor& gradient) {
    const auto index = static_cast<size_t>(input);
    std::vector<int64_t> sizes = {gradient.size(0)};
    sizes.insert(sizes.end(), groups_[0]->inputs[index].spec().shape.size(), 1);
    WriteGradient(groups_, index, gradient.view(sizes));
  }

  const ContrastProblem& problem_;
  const Groups groups_;
  const Target& target_;
  const Target exact_;
  RowStack rows_;
  std::optional<RowStack> columns_;  // None where rows meet themselves.
  std::optional<RowStack> guide_rows_;
  std::optional<RowStack> guide_columns_;
  at::Tensor scale_;  // [G], float64, as is that below.
  at::Tensor weight_;
};

}  // namespace

void RunContrast(const ContrastProblem& problem, DType computed, Groups groups, const Target& target) {
  ContrastGroups(problem, ScalarTypeOf(computed), groups, target).Run();
}

int64_t ContrastBytes(const ContrastProblem& problem, DType computed, const ComputeSpec& request,
                      const Target& target) {
  // Inputs joined, as products read them, and their gradients, summed and as they leave; scores, and similarities where
  // columns leave by them.
  const auto element_bytes = static_cast<int64_t>(SizeOf(computed));
  const int64_t narrow = target.precision == GemmPrecision::kBf16 ? 1 : 0;
  const int64_t blocks = 1 + narrow + (problem.exclusion.has_value() ? 1 : 0);
  const int64_t of_rows = problem.row_count() * static_cast<int64_t>(3 * sizeof(PairSums<double>) + 64);
  const Tile tile = FirstTileOf(problem, target, problem.row_count(), problem.column_count());
  return 2 * InputBytes(request) + 2 * InputBytesIn(computed, request) + of_rows +
         blocks * element_bytes * tile.rows * tile.columns +
         PairPartBytes(problem, ScalarTypeOf(computed), tile, problem.row_count());
}

}  // namespace lossd::aten
