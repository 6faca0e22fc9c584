// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/map_contrast.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lossd::aten {
namespace {

// The clip as the scores' type can hold it; 0, which is none, where that is too narrow for it.
double ClipOf(const MapMeeting& meeting) {
  if (std::isinf(meeting.clip)) return 0;
  if (meeting.source->values.scalar_type() != at::kFloat) return meeting.clip;
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
    const at::Tensor rows = sources_.narrow(2, first, count);                          // [G, C, rows]
    const at::Tensor scores = at::bmm(rows.transpose(1, 2), meeting_.target->values);  // [G, rows, B L]
    const bool wanted = meeting_.source->gradient.defined() || meeting_.target->gradient.defined();
    MapSweep<T> sweep;
    sweep.block.scores = ElementsOf<T>(scores);
    if (wanted) sweep.block.gradient.wide = ElementsOf<T>(scores);
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
    sweep.losses = ElementsOf<double>(meeting_.sums);
    sweep.squares = sweep.losses + images_;
    sweep.numbers = meeting_.sums.stride(0) / images_;
    target_.Run(sweep);
    if (wanted) AddGradients(first, count, rows, scores);
  }

 private:
  void AddGradients(int64_t first, int64_t count, const at::Tensor& rows, const at::Tensor& slopes) const {
    if (at::Tensor& gradient = meeting_.source->gradient; gradient.defined()) {
      const at::Tensor sources = at::bmm(meeting_.target->values, slopes.transpose(1, 2));  // [G, C, rows]
      gradient.scatter_add_(2, index_.narrow(2, first, count), sources);
    }
    if (at::Tensor& gradient = meeting_.target->gradient; gradient.defined()) gradient.baddbmm_(rows, slopes);
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

PackedMap PackMap(const at::Tensor& map, bool wanted) {
  const int64_t locations = map.size(3) * map.size(4);
  const at::Tensor values = map.transpose(1, 2).reshape({map.size(0), map.size(2), map.size(1) * locations});
  return {values, wanted ? at::zeros_like(values) : at::Tensor(), locations};
}

at::Tensor UnpackGradient(const PackedMap& map, int64_t images) {
  return map.gradient.view({map.gradient.size(0), map.gradient.size(1), images, map.locations}).transpose(1, 2);
}

void ContrastMaps(const MapMeeting& meeting, Groups groups, const Target& target) {
  ForType(meeting.source->values.scalar_type(), [&](auto zero) {
    Contrast<decltype(zero)> contrast(meeting, target);
    const int64_t rows = target.BlockRows(contrast.images(), contrast.columns());
    for (int64_t first = 0; first < contrast.images() && !AllCancelled(groups); first += rows) {
      contrast.RunBlock(first, std::min(rows, contrast.images() - first));
    }
  });
}

}  // namespace lossd::aten
