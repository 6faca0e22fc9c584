// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/map_contrast.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/losses/aten/products.h"

namespace lossd::aten {
namespace {

// The clip as the scores' type can hold it; 0, which is none, where that is too narrow for it.
double ClipOf(const MapMeeting& meeting) {
  if (std::isinf(meeting.clip)) return 0;
  if (meeting.source->type != at::kFloat) return meeting.clip;
  if (meeting.clip > std::numeric_limits<float>::max()) return 0;
  return std::max<double>(meeting.clip, std::numeric_limits<float>::min());
}

// One meeting, block by block.
template <typename T>
class Contrast {
 public:
  Contrast(const MapMeeting& meeting, const Target& target)
      : meeting_(meeting),
        target_(target),
        clip_(ClipOf(meeting)),
        groups_(meeting.positions.size(0)),
        images_(meeting.positions.size(1)),
        locations_(meeting.target->locations),
        index_(meeting.positions.unsqueeze(1).expand({groups_, meeting.source->values.size(1), images_})),
        sources_(meeting.source->values.gather(2, index_)) {}

  int64_t images() const { return images_; }
  int64_t columns() const { return images_ * locations_; }

  // Source rows [first, first + count).
  void RunBlock(int64_t first, int64_t count) {
    const at::Tensor rows = sources_.narrow(2, first, count);                                    // [G, C, rows]
    const at::Tensor scores = Multiply(target_, rows.transpose(1, 2), meeting_.target->values);  // [G, rows, B L]
    const at::Tensor slopes = RoomForGradient(scores);
    MapSweep<T> sweep;
    sweep.block.scores = ElementsOf<T>(scores);
    if (slopes.defined()) sweep.block.gradient = DestinationIn<T>(slopes);
    sweep.block.groups = groups_;
    sweep.block.rows = count;
    sweep.block.columns = columns();
    sweep.block.first_row = first;
    sweep.block.all_rows = images_;
    sweep.locations = locations_;
    sweep.normalizer = 1 / std::sqrt(static_cast<double>(sources_.size(1)));
    sweep.clip = clip_;
    sweep.loss_weights = ElementsOf<double>(meeting_.loss_weights);
    sweep.square_weights = ElementsOf<double>(meeting_.square_weights);
    sweep.weight_factor = std::ldexp(1.0, -meeting_.weight_exponent);
    sweep.losses = ElementsOf<double>(meeting_.sums);
    sweep.squares = sweep.losses + images_;
    sweep.numbers = meeting_.sums.stride(0) / images_;
    target_.Run(sweep);
    if (slopes.defined()) AddGradients(first, count, rows, slopes);
  }

 private:
  // The scores' place, or a new one where products read the gradient rounded. Undefined where nobody wants it.
  at::Tensor RoomForGradient(const at::Tensor& scores) const {
    if (!meeting_.source->gradient.defined() && !meeting_.target->gradient.defined()) return {};
    const at::ScalarType type = OperandType(target_, scores.scalar_type());
    return type == scores.scalar_type() ? scores : at::empty(scores.sizes(), scores.options().dtype(type));
  }

  void AddGradients(int64_t first, int64_t count, const at::Tensor& rows, const at::Tensor& slopes) const {
    if (at::Tensor& gradient = meeting_.source->gradient; gradient.defined()) {
      at::Tensor sources = Multiply(target_, meeting_.target->values, slopes.transpose(1, 2));  // [G, C, rows]
      if (meeting_.weight_exponent != 0) sources.mul_(std::ldexp(1.0, meeting_.weight_exponent));
      gradient.scatter_add_(2, index_.narrow(2, first, count), sources);
    }
    if (at::Tensor& gradient = meeting_.target->gradient; gradient.defined()) {
      AddProduct(target_, gradient, rows, slopes, std::ldexp(1.0, meeting_.weight_exponent));
    }
  }

  const MapMeeting& meeting_;
  const Target& target_;
  const double clip_;
  const int64_t groups_;
  const int64_t images_;
  const int64_t locations_;   // Of the target.
  const at::Tensor index_;    // [G, C, B]
  const at::Tensor sources_;  // [G, C, B]
};

}  // namespace

PackedMap PackMap(const at::Tensor& map, at::ScalarType type, bool wanted, const Target& target) {
  const int64_t locations = map.size(3) * map.size(4);
  at::Tensor values = at::empty({map.size(0), map.size(2), map.size(1), map.size(3), map.size(4)},
                                map.options().dtype(OperandType(target, type)));
  values.copy_(map.transpose(1, 2));
  values = values.view({map.size(0), map.size(2), map.size(1) * locations});
  return {values, wanted ? at::zeros(values.sizes(), map.options().dtype(type)) : at::Tensor(), locations, type};
}

at::Tensor UnpackGradient(const PackedMap& map, int64_t images) {
  return map.gradient.view({map.gradient.size(0), map.gradient.size(1), images, map.locations}).transpose(1, 2);
}

void ContrastMaps(const MapMeeting& meeting, Groups groups, const Target& target) {
  ForType(meeting.source->type, [&](auto zero) {
    Contrast<decltype(zero)> contrast(meeting, target);
    const int64_t rows = target.BlockRows(contrast.images(), contrast.columns());
    for (int64_t first = 0; first < contrast.images() && !AllCancelled(groups); first += rows) {
      contrast.RunBlock(first, std::min(rows, contrast.images() - first));
    }
  });
}

}  // namespace lossd::aten
