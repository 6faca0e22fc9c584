// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/cpc_scores.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "core/losses/aten/products.h"

namespace lossd::aten {
namespace {

// Which targets the predictions of a chunk pick.
struct Picks {
  at::Tensor targets;  // [G, rows, R]: of step i + 1; of the last step that there is, for the steps that there are not.
  at::Tensor exist;    // [rows, R], float64: 1 where the step exists, else 0.
};

class Contrast {
 public:
  Contrast(const CpcScores& scores, const Target& target)
      : scores_(scores),
        target_(target),
        groups_(scores.predictions.size(0)),
        steps_(scores.shape.steps()),
        options_(scores.predictions.options()),
        embed_scales_(scores.embed_scales.to(options_.dtype()).view({-1, 1, 1})),
        step_numbers_(at::arange(steps_, options_.dtype(at::kLong))),
        others_(at::ones({steps_, steps_}, options_.dtype(at::kDouble)).fill_diagonal_(0)) {
    at::Tensor counts = at::empty({steps_}, at::kDouble);
    for (int64_t i = 0; i < steps_; ++i) {
      counts.data_ptr<double>()[i] = static_cast<double>(scores.shape.step_predictions(i + 1));
    }
    counts_ = ToDevice(counts, options_.device());
    step_shares_ = scores.step_weights / counts_;
    // Row r has steps 1 .. R - r: the sums of the shares from the first on, last row first.
    row_shares_ = step_shares_.cumsum(1).flip(1);
    result_.step_losses = at::zeros({groups_, steps_}, options_.dtype(at::kDouble));
    if (!scores.gradients) return;
    result_.prediction_gradient = at::zeros_like(scores.predictions);
    result_.target_gradient = at::zeros_like(scores.targets);
  }

  // Predictions [first, first + count).
  void RunChunk(int64_t first, int64_t count) {
    const at::Tensor predictions = scores_.predictions.narrow(1, first, count);
    const at::Tensor rows = RowsOf(first, count);
    const Picks picks = PicksOf(first, count, rows);
    at::Tensor s = Multiply(target_, predictions, scores_.targets.transpose(1, 2)).mul_(embed_scales_);
    const at::Tensor picked_scores = s.gather(2, picks.targets).to(at::kDouble);  // [G, rows, R]
    const at::Tensor maximum = s.amax(2, true).to(at::kDouble);                   // [G, rows, 1]
    s.scatter_(2, picks.targets, -std::numeric_limits<double>::infinity());
    s.sub_(maximum.to(s.scalar_type())).exp_();
    const at::Tensor unpicked = s.sum(2, true).to(at::kDouble);  // [G, rows, 1]
    const at::Tensor shifted = picked_scores - maximum;
    const at::Tensor picked = shifted.exp() * picks.exist;
    // What a pick is contrasted with: everything but itself, summed without it.
    const at::Tensor rest = at::bmm(picked, others_.expand({groups_, steps_, steps_})) + unpicked;
    AddStepLosses(shifted, picked, rest, picks);
    if (!scores_.gradients) return;
    ScoreGradient(rows, picked, rest, picked.sum(2, true) + unpicked, picks, s);
    AddProduct(target_, result_.prediction_gradient.narrow(1, first, count), s, scores_.targets);
    AddProduct(target_, result_.target_gradient, s.transpose(1, 2), predictions);
  }

  CpcScoresResult Finish() {
    return {result_.step_losses.div_(counts_), result_.prediction_gradient, result_.target_gradient};
  }

 private:
  // The row r of each prediction of a chunk.
  at::Tensor RowsOf(int64_t first, int64_t count) const {
    const at::Tensor predictions = at::arange(first, first + count, options_.dtype(at::kLong));
    return predictions.div(scores_.shape.width, "floor").remainder_(steps_);
  }

  Picks PicksOf(int64_t first, int64_t count, const at::Tensor& rows) const {
    const CpcContrastShape& shape = scores_.shape;
    const at::Tensor predictions = at::arange(first, first + count, options_.dtype(at::kLong));
    const at::Tensor images = predictions.div(shape.width * steps_, "floor");
    const at::Tensor below = rows.unsqueeze(1) + step_numbers_ + 2;  // [rows, R]
    const at::Tensor targets =
        (images * shape.height).unsqueeze(1).add(below.clamp_max(shape.height - 1)).mul_(shape.width) +
        predictions.remainder(shape.width).unsqueeze(1);
    return {targets.expand({groups_, count, steps_}), below.lt(shape.height).to(at::kDouble)};
  }

  // log-sum-exp - score of each pick, formed from the sum of the others.
  void AddStepLosses(const at::Tensor& shifted, const at::Tensor& picked, const at::Tensor& rest, const Picks& picks) {
    const at::Tensor terms = at::where(picked.gt(rest), (rest / picked).log1p_(), (picked + rest).log_() - shifted);
    result_.step_losses += terms.masked_fill(picks.exist.eq(0), 0).sum(1);
  }

  // Turns the exponentials `s`, 0 at the picks, into the gradient with respect to the products.
  void ScoreGradient(const at::Tensor& rows, const at::Tensor& picked, const at::Tensor& rest, const at::Tensor& total,
                     const Picks& picks, at::Tensor& s) const {
    const at::Tensor scales = scores_.embed_scales.view({-1, 1, 1});
    const at::Tensor row_shares = row_shares_.index_select(1, rows).unsqueeze(2) * scales;  // [G, rows, 1]
    const at::Tensor steps = step_shares_.unsqueeze(1) * scales;                            // [G, 1, R]
    at::Tensor at_picks = ((row_shares - steps) * picked - steps * rest).div_(total);
    at_picks.masked_fill_(picks.exist.eq(0), 0);
    s.mul_((row_shares / total).to(s.scalar_type()));
    s.scatter_add_(2, picks.targets, at_picks.to(s.scalar_type()));
  }

  const CpcScores& scores_;
  const Target& target_;
  const int64_t groups_;
  const int64_t steps_;  // R
  const at::TensorOptions options_;
  const at::Tensor embed_scales_;  // [G, 1, 1], in the type of the predictions.
  const at::Tensor step_numbers_;  // [R]
  const at::Tensor others_;        // [R, R]: 1, and 0 in the diagonal.
  at::Tensor counts_;              // [R]: n_i
  at::Tensor step_shares_;         // [G, R]: weight_i / n_i
  at::Tensor row_shares_;          // [G, R]: a_r
  CpcScoresResult result_;
};

CpcScoresResult Compute(const CpcScores& scores, Groups groups, const Target& target) {
  Contrast contrast(scores, target);
  const int64_t predictions = scores.shape.predictions();
  const int64_t chunk = target.BlockRows(predictions, scores.shape.targets());
  for (int64_t first = 0; first < predictions; first += chunk) {
    if (AllCancelled(groups)) break;
    contrast.RunChunk(first, std::min(chunk, predictions - first));
  }
  return contrast.Finish();
}

}  // namespace

CpcScoresResult ContrastSteps(const CpcScores& scores, Groups groups, const Target& target) {
  const at::ScalarType type = scores.predictions.scalar_type();
  if (type == at::kDouble || !HasFewScores(scores.shape.stated())) return Compute(scores, groups, target);
  CpcScores wide = scores;
  for (at::Tensor* operand : {&wide.predictions, &wide.targets}) *operand = operand->to(at::kDouble);
  CpcScoresResult result = Compute(wide, groups, target);
  if (!scores.gradients) return result;
  result.prediction_gradient = result.prediction_gradient.to(type);
  result.target_gradient = result.target_gradient.to(type);
  return result;
}

}  // namespace lossd::aten
