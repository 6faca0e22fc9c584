// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/map_contrast.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/losses/aten/score_rows.h"

namespace lossd::aten {
namespace {

// d (clip tanh(x / clip)) / dx = 4 e / (1 + e)^2 with e = exp(-2 |x / clip|): exact where tanh saturates.
at::Tensor ClipSlope(const at::Tensor& x, double clip) {
  const at::Tensor e = x.abs().mul_(-2 / clip).exp_();
  const at::Tensor below = e + 1;
  return e.mul(4).div_(below).div_(below);
}

// The clip as the scores' type can hold it: none where that is too narrow for it.
double ClipOf(const MapMeeting& meeting) {
  if (meeting.source->values.scalar_type() != at::kFloat) return meeting.clip;
  if (meeting.clip > std::numeric_limits<float>::max()) return std::numeric_limits<double>::infinity();
  return std::max<double>(meeting.clip, std::numeric_limits<float>::min());
}

// One meeting, chunk by chunk.
class Contrast {
 public:
  explicit Contrast(const MapMeeting& meeting)
      : meeting_(meeting),
        clip_(ClipOf(meeting)),
        groups_(meeting.positions.size(0)),
        images_(meeting.positions.size(1)),
        locations_(meeting.target->locations),
        normalizer_(1 / std::sqrt(static_cast<double>(meeting.source->values.size(1)))),
        index_(meeting.positions.unsqueeze(1).expand({groups_, meeting.source->values.size(1), images_})),
        sources_(meeting.source->values.gather(2, index_)),
        losses_(at::zeros_like(meeting.loss_weights)),
        squares_(at::zeros_like(meeting.loss_weights)) {}

  int64_t images() const { return images_; }
  int64_t columns() const { return images_ * locations_; }

  // Source rows [first, first + count).
  void RunChunk(int64_t first, int64_t count) {
    const at::Tensor rows = sources_.narrow(2, first, count);                                 // [G, C, rows]
    at::Tensor x = at::bmm(rows.transpose(1, 2), meeting_.target->values).mul_(normalizer_);  // [G, rows, B L]
    squares_ += x.square().sum(2).to(at::kDouble).sum(1);
    at::Tensor s = std::isinf(clip_) ? x.clone() : (x / clip_).tanh_().mul_(clip_);
    at::Tensor own = s.view({groups_, count, images_, locations_}).diagonal(first, 1, 2);  // [G, L, rows]
    const at::Tensor positives = own.to(at::kDouble).contiguous();
    own.fill_(-std::numeric_limits<double>::infinity());
    const RowSums sums = ExponentiateRows(s);
    const at::Tensor margins = sums.log_sum_exp().unsqueeze(1) - positives;  // [G, L, rows]
    losses_ += Softplus(margins).view({groups_, -1}).sum(1);
    if (!meeting_.source->gradient.defined() && !meeting_.target->gradient.defined()) return;
    ScoreGradient(margins, sums, x, s, own);
    AddGradients(first, count, rows, s);
  }

  MapContrastSums Sums() const {
    const auto scores = static_cast<double>(columns());
    return {losses_ / scores, squares_ / (scores * static_cast<double>(images_))};
  }

 private:
  // Turns the exponentials `s`, of which `own` are the picked ones, into the gradient with respect to the products.
  void ScoreGradient(const at::Tensor& margins, const RowSums& sums, at::Tensor& x, at::Tensor& s,
                     at::Tensor& own) const {
    const auto scores = static_cast<double>(columns());
    const at::Tensor weights = meeting_.loss_weights * (normalizer_ / scores);
    const at::Tensor shares = Sigmoid(margins).mul_(weights.view({-1, 1, 1}));  // [G, L, rows]
    s.mul_(DividedBySum(shares.sum(1), sums.sum).to(s.scalar_type()).unsqueeze(2));
    own.copy_(shares.neg());
    if (!std::isinf(clip_)) s.mul_(ClipSlope(x, clip_));
    if (!meeting_.squares_count) return;
    const at::Tensor squares = meeting_.square_weights * (2 * normalizer_ / (scores * static_cast<double>(images_)));
    s.add_(x.mul_(squares.to(s.scalar_type()).view({-1, 1, 1})));
  }

  void AddGradients(int64_t first, int64_t count, const at::Tensor& rows, const at::Tensor& s) const {
    if (at::Tensor& gradient = meeting_.source->gradient; gradient.defined()) {
      const at::Tensor sources = at::bmm(meeting_.target->values, s.transpose(1, 2));  // [G, C, rows]
      gradient.scatter_add_(2, index_.narrow(2, first, count), sources);
    }
    if (at::Tensor& gradient = meeting_.target->gradient; gradient.defined()) gradient.baddbmm_(rows, s);
  }

  const MapMeeting& meeting_;
  const double clip_;
  const int64_t groups_;
  const int64_t images_;
  const int64_t locations_;   // Of the target.
  const double normalizer_;   // 1 / sqrt(C)
  const at::Tensor index_;    // [G, C, B]
  const at::Tensor sources_;  // [G, C, B]
  at::Tensor losses_;         // [G]: sums so far.
  at::Tensor squares_;
};

}  // namespace

PackedMap PackMap(const at::Tensor& map, bool wanted) {
  const int64_t locations = map.size(3) * map.size(4);
  const at::Tensor values = map.transpose(1, 2).reshape({map.size(0), map.size(2), map.size(1) * locations});
  return {values, wanted ? at::zeros_like(values) : at::Tensor(), locations};
}

at::Tensor UnpackGradient(const PackedMap& map, int64_t images) {
  return map.gradient.view({map.gradient.size(0), map.gradient.size(1), images, map.locations}).transpose(1, 2);
}

MapContrastSums ContrastMaps(const MapMeeting& meeting, Groups groups) {
  Contrast contrast(meeting);
  const int64_t chunk = ChunkRows(contrast.images(), contrast.columns(), meeting.positions.device());
  for (int64_t first = 0; first < contrast.images(); first += chunk) {
    if (AllCancelled(groups)) break;
    contrast.RunChunk(first, std::min(chunk, contrast.images() - first));
  }
  return contrast.Sums();
}

}  // namespace lossd::aten
