// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/contrast.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstddef>
#include <limits>

#include "core/losses/aten/aten_loss.h"
#include "core/losses/aten/row_stack.h"
#include "core/losses/aten/score_rows.h"
#include "core/losses/operator_loss.h"

namespace lossd::aten {
namespace {

using Pairs = ContrastProblem::Pairs;
using Term = ContrastProblem::Term;

constexpr double kMasked = -std::numeric_limits<double>::infinity();
// Score-sized temporaries of a chunk.
constexpr int64_t kCopies = 6;

// One side of a problem: rows against columns, in chunks of rows. Tensors of a row are [G, rows], float64.
class Side {
 public:
  Side(const ContrastProblem& problem, Groups groups, RowStack& rows, RowStack& columns, at::Tensor scale,
       at::Tensor bias)
      : problem_(problem), groups_(groups), rows_(rows), columns_(columns), scale_(scale), bias_(std::move(bias)) {
    count_ = rows.rows().size(1);
    width_ = columns.rows().size(1);
    const auto options = rows.rows().options().dtype(at::kLong);
    pairs_ = at::arange(count_, options);
    if (problem.pairs == Pairs::kNextView) pairs_ = (pairs_ + count_ / 2).remainder_(count_);
    losses_ = at::zeros({rows.rows().size(0)}, options.dtype(at::kDouble));
    right_ = at::zeros_like(losses_);
    bias_gradient_ = at::zeros_like(losses_);
    share_ = (problem.both_sides ? 0.5 : 1.0) / static_cast<double>(count_);
    // As the tiles have it: the closest number that the scores' type holds.
    const double most = rows.rows().scalar_type() == at::kFloat ? double{std::numeric_limits<float>::max()}
                                                                : std::numeric_limits<double>::max();
    score_factor_ = (scale_ * rows.factor() * columns.factor()).clamp_(-most, most).to(rows.rows().scalar_type());
  }

  // What decides which columns leave. `bounds`: [G, rows], in the guides' type.
  void Exclude(const at::Tensor& guide_rows, const at::Tensor& guide_columns, const at::Tensor& bounds) {
    guide_rows_ = guide_rows;
    guide_columns_ = guide_columns;
    bounds_ = bounds;
  }
  void SetLabels(const at::Tensor& labels) {
    labels_ = labels;
    const at::Tensor positives = CountPositives();
    const at::Tensor counted = (positives > 0).sum(1).clamp_min(1).to(at::kDouble);
    label_shares_ = counted.reciprocal();  // [G]
  }
  void SetPairWeights(const at::Tensor& weights) { pair_weights_ = weights; }

  void Run() {
    const int64_t chunk = ChunkRows(count_, width_, rows_.rows().device());
    for (int64_t first = 0; first < count_ && !AllCancelled(groups_); first += chunk) {
      first_ = first;
      chunk_ = std::min(chunk, count_ - first);
      RunChunk();
    }
  }

  const at::Tensor& losses() const { return losses_; }
  const at::Tensor& right() const { return right_; }
  const at::Tensor& bias_gradient() const { return bias_gradient_; }

 private:
  bool WantsGradients() const { return rows_.gradient().defined() || columns_.gradient().defined(); }

  at::Tensor CountPositives() const {
    at::Tensor positives = at::empty_like(labels_);
    const int64_t chunk = ChunkRows(count_, width_, rows_.rows().device());
    for (int64_t first = 0; first < count_; first += chunk) {
      const int64_t count = std::min(chunk, count_ - first);
      const at::Tensor equal = labels_.narrow(1, first, count).unsqueeze(2) == labels_.unsqueeze(1);
      positives.narrow(1, first, count).copy_(equal.sum(2) - 1);
    }
    return positives;
  }

  void RunChunk() {
    const at::Tensor rows = rows_.rows().narrow(1, first_, chunk_);  // [G, rows, D]
    at::Tensor scores = at::bmm(rows, columns_.rows().transpose(1, 2)).mul_(score_factor_.view({-1, 1, 1}));
    if (problem_.symmetric()) scores.diagonal(first_, 1, 2).fill_(kMasked);
    if (problem_.term == Term::kSigmoid) {
      RunSigmoid(scores);
    } else if (labels_.defined()) {
      RunLabels(scores);
    } else {
      RunPairs(scores);
    }
    // The scores are now the gradient with respect to them.
    if (rows_.gradient().defined()) {
      rows_.gradient().narrow(1, first_, chunk_).baddbmm_(scores, columns_.rows());
    }
    if (columns_.gradient().defined()) columns_.gradient().baddbmm_(scores.transpose(1, 2), rows);
  }

  // Indices of the chunk's pairs, [G, rows, 1].
  at::Tensor ChunkPairs(const at::Tensor& scores) const {
    return pairs_.narrow(0, first_, chunk_).view({1, chunk_, 1}).expand({scores.size(0), chunk_, 1});
  }

  void RunPairs(at::Tensor& scores) {
    const at::Tensor picks = ChunkPairs(scores);
    const at::Tensor picked = scores.gather(2, picks).squeeze(2).to(at::kDouble);
    scores.scatter_(2, picks, kMasked);
    at::Tensor left = at::full_like(picked, static_cast<double>(width_));
    if (guide_rows_.defined()) left -= LeaveOut(scores, picks);
    at::Tensor there;
    at::Tensor score_sum;
    if (problem_.smoothing != 0) {
      there = scores != kMasked;
      score_sum = scores.masked_fill(there.logical_not(), 0).to(at::kDouble).sum(2) + picked;
    }
    const RowSums sums = ExponentiateRows(scores);
    right_ += (sums.log_maximum() <= picked).sum(1);
    const at::Tensor margins = sums.log_sum_exp() - picked;
    at::Tensor losses;
    at::Tensor weights;       // Of the exponentials.
    at::Tensor pair_weights;  // Minus the pairs' gradients.
    if (problem_.pair_in_denominator) {
      losses = Softplus(margins);
      const at::Tensor sigmoids = Sigmoid(margins);
      weights = DividedBySum(sigmoids * share_, sums.sum);
      pair_weights = sigmoids * share_;
      if (problem_.smoothing != 0) {
        const double e = problem_.smoothing;
        losses = losses + (picked - score_sum / left) * e;
        pair_weights = (sigmoids * (1 - e) - (1 - sigmoids) * e + e / left) * share_;
      }
    } else {
      const at::Tensor factors =
          pair_weights_.defined() ? pair_weights_.narrow(1, first_, chunk_) : at::ones_like(picked);
      losses = sums.log_sum_exp() - factors * picked;
      weights = DividedBySum(at::full_like(picked, share_), sums.sum);
      pair_weights = factors * share_;
    }
    losses_ += losses.sum(1) * share_;
    if (!WantsGradients()) return;
    const at::ScalarType type = scores.scalar_type();
    scores.mul_(weights.to(type).unsqueeze(2));
    if (problem_.smoothing != 0) {
      const at::Tensor evenly = (problem_.smoothing * share_ / left).to(type).unsqueeze(2);
      scores.sub_(there.to(type).mul_(evenly));
    }
    scores.scatter_(2, picks, pair_weights.neg().to(type).unsqueeze(2));
  }

  // Returns how many columns have left each row.
  at::Tensor LeaveOut(at::Tensor& scores, const at::Tensor& picks) const {
    const at::Tensor similarities = at::bmm(guide_rows_.narrow(1, first_, chunk_), guide_columns_.transpose(1, 2));
    at::Tensor above = similarities > bounds_.narrow(1, first_, chunk_).unsqueeze(2);
    above.scatter_(2, picks, false);
    scores.masked_fill_(above, kMasked);
    return above.sum(2).to(at::kDouble);
  }

  void RunLabels(at::Tensor& scores) {
    at::Tensor positive = labels_.narrow(1, first_, chunk_).unsqueeze(2) == labels_.unsqueeze(1);
    positive.diagonal(first_, 1, 2).fill_(false);
    const at::Tensor count = positive.sum(2).to(at::kDouble);
    at::Tensor positives = scores.masked_fill(positive.logical_not(), kMasked);
    scores.masked_fill_(positive, kMasked);
    const at::Tensor score_sum = positives.masked_fill(positive.logical_not(), 0).to(at::kDouble).sum(2);
    const RowSums others = ExponentiateRows(scores);
    const RowSums own = ExponentiateRows(positives);
    const at::Tensor larger = at::maximum(others.log_maximum(), own.log_maximum());
    const at::Tensor settled = larger.masked_fill(larger == kMasked, 0);
    const at::Tensor other_factor = (others.maximum - settled).exp_().masked_fill_(others.sum == 0, 0);
    const at::Tensor own_factor = (own.maximum - settled).exp_().masked_fill_(own.sum == 0, 0);
    const at::Tensor negative = others.sum * other_factor;
    const at::Tensor total = negative + own.sum * own_factor;
    const at::Tensor some = count > 0;
    const at::Tensor alone = (count == 1).logical_and_(negative > 0);
    const at::Tensor shares = label_shares_.unsqueeze(1) * some.to(at::kDouble);
    const at::Tensor lone = Softplus(negative.log() + settled - own.maximum);
    const at::Tensor many = settled + total.log() - score_sum / count.clamp_min(1);
    losses_ += at::where(alone, lone, many).mul_(shares).masked_fill_(some.logical_not(), 0).sum(1);
    if (!WantsGradients()) return;
    const at::ScalarType type = scores.scalar_type();
    const at::Tensor weight = DividedBySum(shares, total);
    const at::Tensor spread = weight * (count > 1).to(at::kDouble);
    const at::Tensor offset = at::where(count == 1, weight * negative, shares / count.clamp_min(1));
    scores.mul_((weight * other_factor).to(type).unsqueeze(2));
    positives.mul_((spread * own_factor).to(type).unsqueeze(2)).sub_(offset.to(type).unsqueeze(2));
    scores.add_(positives.masked_fill_(positive.logical_not(), 0));
  }

  void RunSigmoid(at::Tensor& scores) {
    const at::ScalarType type = scores.scalar_type();
    const at::Tensor picks = ChunkPairs(scores);
    scores.add_(bias_.to(type).view({-1, 1, 1}));
    const at::Tensor picked = scores.gather(2, picks).squeeze(2).to(at::kDouble);
    scores.scatter_(2, picks, kMasked);
    losses_ += (Softplus(scores).to(at::kDouble).sum(2) + Softplus(picked.neg())).sum(1) * share_;
    scores = Sigmoid(scores).mul_(share_);
    const at::Tensor own = Sigmoid(picked.neg()).mul_(-share_);
    bias_gradient_ += (scores.to(at::kDouble).sum(2) + own).sum(1);
    scores.scatter_(2, picks, own.to(type).unsqueeze(2));
  }

  const ContrastProblem& problem_;
  const Groups groups_;
  RowStack& rows_;
  RowStack& columns_;
  const at::Tensor scale_;  // [G], float64.
  const at::Tensor bias_;
  int64_t count_;
  int64_t width_;
  double share_;
  int64_t first_ = 0;  // Of the chunk.
  int64_t chunk_ = 0;
  at::Tensor score_factor_;  // [G]
  at::Tensor pairs_;         // [rows]
  at::Tensor guide_rows_;
  at::Tensor guide_columns_;
  at::Tensor bounds_;
  at::Tensor labels_;        // [G, rows]
  at::Tensor label_shares_;  // [G]
  at::Tensor pair_weights_;
  at::Tensor losses_;  // [G]: sums so far, as are those below.
  at::Tensor right_;
  at::Tensor bias_gradient_;
};

// The groups of a run, G of them.
class GroupRun {
 public:
  GroupRun(const ContrastProblem& problem, Groups groups, at::Device device)
      : problem_(problem), groups_(groups), device_(device), rows_(groups, problem.rows, problem.normalize, device) {
    if (!problem.symmetric()) columns_.emplace(groups, problem.columns, problem.normalize, device);
    scale_ = Numbers(problem.scale_input, problem.scale);
    bias_ = Numbers(problem.bias_input, problem.bias);
    weight_ = StackNumbers(
        groups, [](const LossTask& task) { return task.request->gradients.scale; }, at::kDouble, device);
    if (AnyWants(problem.rows) || Wants(problem.scale_input)) rows_.MakeGradient();
    if (!problem.symmetric() && AnyWants(problem.columns)) columns_->MakeGradient();
  }

  void Run() {
    Side side(problem_, groups_, rows_, columns(), scale_, bias_);
    if (problem_.labels_input >= 0) {
      side.SetLabels(StackInput(groups_, static_cast<size_t>(problem_.labels_input), device_).to(at::kLong));
    }
    if (problem_.weight_sigma.has_value()) side.SetPairWeights(PairWeights());
    if (problem_.exclusion.has_value()) FormGuides(side);
    side.Run();
    at::Tensor losses = side.losses();
    if (problem_.both_sides) losses = losses + RunOtherSide();
    if (!AllCancelled(groups_)) Finish(losses, side);
  }

 private:
  RowStack& columns() { return columns_.has_value() ? *columns_ : rows_; }
  bool Wants(int input) const { return input >= 0 && aten::AnyWants(groups_, static_cast<size_t>(input)); }
  bool AnyWants(const std::vector<ContrastPart>& parts) const {
    return std::any_of(parts.begin(), parts.end(), [this](const ContrastPart& part) { return Wants(part.input); });
  }
  at::Tensor Numbers(int input, double otherwise) const {
    return StackNumbers(
        groups_, [=](const LossTask& task) { return ScalarInput(task, input, otherwise); }, at::kDouble, device_);
  }

  // Columns with a pair, in the rows' place.
  at::Tensor RunOtherSide() {
    const std::vector<ContrastPart> keys = {problem_.columns[0]};
    RowStack rows = columns().Head(keys);
    Side side(problem_, groups_, rows, rows_, scale_, bias_);
    if (problem_.exclusion.has_value()) {
      side.Exclude(guide_columns_->rows().narrow(1, 0, keys[0].count), guide_rows_->rows(), bounds_);
    }
    side.Run();
    return side.losses();
  }

  void FormGuides(Side& side) {
    const ContrastExclusion& rule = *problem_.exclusion;
    guide_rows_.emplace(groups_, rule.rows, true, device_);
    guide_columns_.emplace(groups_, rule.columns, true, device_);
    const int64_t count = problem_.row_count();
    bounds_ = guide_rows_->rows().new_empty({guide_rows_->rows().size(0), count});
    const int64_t chunk = ChunkRows(count, problem_.column_count(), device_);
    for (int64_t first = 0; first < count; first += chunk) {
      const int64_t size = std::min(chunk, count - first);
      const at::Tensor all =
          at::bmm(guide_rows_->rows().narrow(1, first, size), guide_columns_->rows().transpose(1, 2));
      bounds_.narrow(1, first, size).copy_(all.diagonal(first, 1, 2).narrow(1, 0, size));
    }
    bounds_ = bounds_ - (rule.relative ? bounds_.abs() * rule.margin : at::full_like(bounds_, rule.margin));
    side.Exclude(guide_rows_->rows(), guide_columns_->rows(), bounds_);
  }

  at::Tensor PairWeights() {
    const int64_t count = problem_.rows[0].count;
    const bool views = problem_.pairs == Pairs::kNextView;
    const at::Tensor first = rows_.rows().narrow(1, 0, count).to(at::kDouble);
    const at::Tensor second = (views ? rows_.rows().narrow(1, count, count) : columns().rows()).to(at::kDouble);
    const at::Tensor factor = rows_.factor() * columns().factor() / *problem_.weight_sigma;
    const at::Tensor similarities = (first * second).sum(2) * factor.unsqueeze(1);
    const at::Tensor exponentials = (similarities - similarities.amax(1, true)).exp_();
    const at::Tensor weights = 2 - exponentials.mul(static_cast<double>(count)).div_(exponentials.sum(1, true));
    return views ? at::cat({weights, weights}, 1) : weights;
  }

  void Finish(const at::Tensor& losses, const Side& side) {
    WhenOnHost(groups_, losses, [groups = groups_](const at::Tensor& values) {
      WriteOutput(groups, 0, values);
      for (size_t g = 0; g < groups.size(); ++g) groups[g]->objective = values.data_ptr<double>()[g];
    });
    if (groups_[0]->outputs.size() > 1) {
      WhenOnHost(groups_, side.right() / static_cast<double>(problem_.row_count()),
                 [groups = groups_](const at::Tensor& share) { WriteOutput(groups, 1, share); });
    }
    constexpr double kMost = std::numeric_limits<double>::max();
    const at::Tensor factors = (scale_ * weight_).clamp_(-kMost, kMost);
    const at::Tensor both = rows_.factor() * columns().factor();
    if (rows_.gradient().defined()) {
      const at::Tensor along = rows_.WriteGradients(factors * columns().factor());
      if (Wants(problem_.scale_input)) WriteScalar(problem_.scale_input, along * both * weight_);
    }
    if (columns_.has_value() && columns_->gradient().defined()) columns_->WriteGradients(factors * rows_.factor());
    // A softmax does not depend on what is added to all scores.
    if (Wants(problem_.bias_input)) WriteScalar(problem_.bias_input, side.bias_gradient() * weight_);
  }

  void WriteScalar(int input, const at::Tensor& gradient) {
    const auto index = static_cast<size_t>(input);
    std::vector<int64_t> sizes = {gradient.size(0)};
    sizes.insert(sizes.end(), groups_[0]->inputs[index].spec().shape.size(), 1);
    WriteGradient(groups_, index, gradient.view(sizes));
  }

  const ContrastProblem& problem_;
  const Groups groups_;
  const at::Device device_;
  RowStack rows_;
  std::optional<RowStack> columns_;  // None where rows meet themselves.
  std::optional<RowStack> guide_rows_;
  std::optional<RowStack> guide_columns_;
  at::Tensor bounds_;
  at::Tensor scale_;  // [G], float64, as are those below.
  at::Tensor bias_;
  at::Tensor weight_;
};

}  // namespace

void RunContrast(const ContrastProblem& problem, Groups groups, at::Device device) {
  GroupRun(problem, groups, device).Run();
}

int64_t ContrastBytes(const ContrastProblem& problem, const ComputeSpec& request, int64_t element_bytes,
                      at::Device device) {
  const int64_t inputs = InputBytes(request);
  const int64_t wide = 8 / element_bytes;  // Rows pass through float64.
  return (2 + 3 * wide) * inputs + ChunkBytes(problem.row_count(), problem.column_count(), kCopies, 8, device);
}

}  // namespace lossd::aten
