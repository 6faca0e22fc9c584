// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_maps.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/engine/contrast_maps_cut.h"
#include "core/engine/contrast_sweeps.h"
#include "core/engine/gemm.h"
#include "core/engine/packed_matrix.h"
#include "core/engine/workspace.h"

namespace lossd {
namespace {

// Rows of the sources' gradient whose partial sums are added in one iteration.
constexpr int64_t kReducedRows = 16;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Rows [first, first + rows) of the sources.
struct Chunk {
  int64_t first;
  int64_t rows;
};

// Images of the targets, [first, last).
struct Images {
  int64_t first;
  int64_t last;
};

// One direction on its way through its chunks.
template <typename T>
class Direction {
 public:
  Direction(const MapContrast<T>& contrast, std::byte* block, const std::atomic<bool>* cancelled, Parallel& parallel)
      : contrast_(contrast),
        shape_(contrast.shape),
        cut_(CutMapContrast<T>(shape_)),
        row_columns_(shape_.images * shape_.locations),
        alpha_(static_cast<T>(1 / std::sqrt(static_cast<double>(shape_.channels)))),
        has_references_(contrast.clip > kLargestBareClip),
        wants_gradient_(contrast.source_gradient != nullptr || contrast.target_gradient != nullptr),
        cancelled_(cancelled),
        parallel_(parallel) {
    Workspace workspace(block);
    arrays_ = LayOutMapContrast<T>(shape_, cut_, workspace);
    clip_ = {static_cast<T>(contrast.clip), has_references_ ? arrays_.references : nullptr};
  }

  MapContrastResult Run() {
    for (int64_t first = 0; first < shape_.images && !IsCancelled(); first += cut_.chunk_rows) {
      RunChunk({first, std::min(cut_.chunk_rows, shape_.images - first)});
    }
    const double positives = static_cast<double>(row_columns_);
    return {loss_sum_ / positives, square_sum_ / (positives * static_cast<double>(shape_.images))};
  }

 private:
  bool IsCancelled() const { return cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed); }

  Images ImagesOfTile(int64_t t) const {
    return {t * cut_.tile_images, std::min((t + 1) * cut_.tile_images, shape_.images)};
  }
  Images ImagesOfGroup(int64_t g) const {
    return {g * cut_.group_images, std::min((g + 1) * cut_.group_images, shape_.images)};
  }
  int64_t ColumnsOf(Images images) const { return (images.last - images.first) * shape_.locations; }

  // The part of a chunk's rows over some images.
  SweepTile TileOf(Chunk chunk, Images images) const {
    return {chunk.rows, ColumnsOf(images), row_columns_, (chunk.first - images.first) * shape_.locations,
            shape_.locations};
  }
  T* ScoresOf(Images images) const { return arrays_.scores + images.first * shape_.locations; }
  BlockedView<T> TargetsOf(Images images, int64_t first_channel) const {
    const T* targets = contrast_.targets + (images.first * shape_.channels + first_channel) * shape_.locations;
    return FeatureMaps(targets, shape_.channels, shape_.locations);
  }

  MatrixView<T> SourcesOf(Chunk chunk) const {
    return MatrixView<T>::RowMajor(contrast_.sources + chunk.first * shape_.channels, shape_.channels);
  }
  LeftOperand<T> LeftSources(Chunk chunk) const {
    if (!cut_.packs_sources) return SourcesOf(chunk);
    return PackedRows<T>{arrays_.packed_sources, shape_.channels, chunk.rows, 0, chunk.rows};
  }
  LeftOperand<T> LeftTransposed(Chunk chunk) const {
    if (!cut_.packs_sources) return SourcesOf(chunk).Transposed();
    return PackedRows<T>{arrays_.packed_transposed, chunk.rows, shape_.channels, 0, shape_.channels};
  }

  void RunChunk(Chunk chunk) {
    if (cut_.packs_sources) PackSources(chunk);
    parallel_.For(cut_.tiles, [&](int64_t t) {
      if (IsCancelled()) return;
      FormScores(chunk, t);
      if (!has_references_) SumTile(chunk, t);
    });
    if (has_references_) {
      ReduceMaxima(chunk);
      parallel_.For(cut_.tiles, [&](int64_t t) { SumTile(chunk, t); });
    }
    FinishRows(chunk);
    if (!wants_gradient_ || IsCancelled()) return;
    parallel_.For(cut_.tiles, [&](int64_t t) {
      if (!IsCancelled()) FormTargetGradient(chunk, t);
    });
    if (contrast_.source_gradient == nullptr) return;
    parallel_.For(cut_.groups * cut_.blocks, [&](int64_t part) {
      if (!IsCancelled()) FormSourceGradient(chunk, part / cut_.blocks, part % cut_.blocks);
    });
    if (cut_.groups > 1) ReducePartials(chunk);
  }

  void PackSources(Chunk chunk) {
    const MatrixView<T> sources = SourcesOf(chunk);
    PackRows(chunk.rows, shape_.channels, sources, 0, chunk.rows, arrays_.packed_sources);
    if (contrast_.target_gradient == nullptr) return;
    PackRows(shape_.channels, chunk.rows, sources.Transposed(), 0, shape_.channels, arrays_.packed_transposed);
  }

  // x of tile t: sources times targets, and the rows' maxima where they are needed.
  void FormScores(Chunk chunk, int64_t t) {
    const Images images = ImagesOfTile(t);
    Gemm(chunk.rows, ColumnsOf(images), shape_.channels, alpha_, LeftSources(chunk), TargetsOf(images, 0), false,
         BlockedResult<T>(ScoresOf(images), row_columns_));
    if (has_references_) {
      MaxOfNegatives(TileOf(chunk, images), ScoresOf(images), arrays_.tile_maxima + t * cut_.chunk_rows);
    }
  }

  // m of each row: the largest clipped score of its negatives, where that is finite.
  void ReduceMaxima(Chunk chunk) {
    for (int64_t r = 0; r < chunk.rows; ++r) {
      T maximum = -std::numeric_limits<T>::infinity();
      for (int64_t t = 0; t < cut_.tiles; ++t) {
        maximum = std::max(maximum, arrays_.tile_maxima[t * cut_.chunk_rows + r]);
      }
      const T clipped = std::isinf(clip_.clip) ? maximum : clip_.clip * std::tanh(maximum / clip_.clip);
      arrays_.references[r] = std::isfinite(clipped) ? clipped : T{0};
    }
  }

  void SumTile(Chunk chunk, int64_t t) {
    const Images images = ImagesOfTile(t);
    SumExponentials(TileOf(chunk, images), ScoresOf(images), clip_, arrays_.tile_exps + t * cut_.chunk_rows,
                    arrays_.tile_squares + t * cut_.chunk_rows);
  }

  // Sums over tiles in their order, losses of the positives, weights of the negatives.
  void FinishRows(Chunk chunk) {
    for (int64_t r = 0; r < chunk.rows; ++r) {
      arrays_.exp_sums[r] = 0;
      for (int64_t t = 0; t < cut_.tiles; ++t) {
        arrays_.exp_sums[r] += arrays_.tile_exps[t * cut_.chunk_rows + r];
        square_sum_ += arrays_.tile_squares[t * cut_.chunk_rows + r];
      }
    }
    if (shape_.images == 1) return NoNegatives();
    ScorePositives(TileOf(chunk, {0, shape_.images}), arrays_.scores, clip_, arrays_.exp_sums, arrays_.loss_sums,
                   arrays_.sigmoid_sums);
    for (int64_t r = 0; r < chunk.rows; ++r) {
      loss_sum_ += arrays_.loss_sums[r];
      const double weight = PositiveWeight() * arrays_.sigmoid_sums[r] / arrays_.exp_sums[r];
      arrays_.negative_weights[r] = static_cast<T>(weight);
    }
  }

  // A single image: its loss is 0 whatever its scores are, and so is what its positives weigh.
  void NoNegatives() {
    arrays_.negative_weights[0] = 0;
    arrays_.exp_sums[0] = 1;
  }

  double PositiveWeight() const {
    return shape_.images == 1 ? 0 : contrast_.loss_weight / static_cast<double>(row_columns_);
  }

  // The gradient with respect to x of tile t, and what it gives to the targets.
  void FormTargetGradient(Chunk chunk, int64_t t) {
    const Images images = ImagesOfTile(t);
    const double pairs = static_cast<double>(row_columns_) * static_cast<double>(shape_.images);
    const GradientWeights<T> weights = {arrays_.negative_weights, arrays_.exp_sums, static_cast<T>(PositiveWeight()),
                                        static_cast<T>(2 * contrast_.square_weight / pairs)};
    FormGradient(TileOf(chunk, images), clip_, weights, ScoresOf(images));
    if (contrast_.target_gradient == nullptr) return;
    T* gradient = contrast_.target_gradient + images.first * shape_.channels * shape_.locations;
    Gemm(shape_.channels, ColumnsOf(images), chunk.rows, alpha_, LeftTransposed(chunk),
         MatrixView<T>::RowMajor(ScoresOf(images), row_columns_), contrast_.accumulate_target || chunk.first > 0,
         FeatureMapsResult(gradient, shape_.channels, shape_.locations));
  }

  // What a group of targets gives to a block of channels of the sources.
  void FormSourceGradient(Chunk chunk, int64_t group, int64_t block) {
    const Images images = ImagesOfGroup(group);
    const int64_t channel = block * cut_.block_channels;
    const int64_t channels = std::min(cut_.block_channels, shape_.channels - channel);
    T* sum = cut_.groups > 1 ? PartialOf(group) : contrast_.source_gradient + chunk.first * shape_.channels;
    Gemm(chunk.rows, channels, ColumnsOf(images), alpha_, MatrixView<T>::RowMajor(ScoresOf(images), row_columns_),
         TargetsOf(images, channel).Transposed(), false, BlockedResult<T>(sum + channel, shape_.channels));
  }

  T* PartialOf(int64_t group) const { return arrays_.partials + group * cut_.chunk_rows * shape_.channels; }

  // Adds up what the groups gave, in their order.
  void ReducePartials(Chunk chunk) {
    parallel_.For(CeilDiv(chunk.rows, kReducedRows), [&](int64_t i) {
      const int64_t first = i * kReducedRows * shape_.channels;
      const int64_t last = std::min((i + 1) * kReducedRows, chunk.rows) * shape_.channels;
      T* sum = contrast_.source_gradient + chunk.first * shape_.channels;
      std::copy(PartialOf(0) + first, PartialOf(0) + last, sum + first);
      for (int64_t g = 1; g < cut_.groups; ++g) {
        const T* partial = PartialOf(g);
        for (int64_t e = first; e < last; ++e) sum[e] += partial[e];
      }
    });
  }

  const MapContrast<T>& contrast_;
  const MapContrastShape shape_;
  const MapContrastCut cut_;
  const int64_t row_columns_;  // B L
  const T alpha_;
  const bool has_references_;
  const bool wants_gradient_;
  const std::atomic<bool>* const cancelled_;
  Parallel& parallel_;
  MapContrastArrays<T> arrays_;
  ScoreClip<T> clip_;
  double loss_sum_ = 0;
  double square_sum_ = 0;
};

}  // namespace

template <typename T>
int64_t MapContrastWorkspaceBytes(const MapContrastShape& shape) {
  Workspace workspace(nullptr);
  LayOutMapContrast<T>(shape, CutMapContrast<T>(shape), workspace);
  return workspace.bytes();
}

template <typename T>
MapContrastResult ComputeMapContrast(const MapContrast<T>& contrast, std::byte* workspace,
                                     const std::atomic<bool>* cancelled, Parallel& parallel) {
  return Direction<T>(contrast, workspace, cancelled, parallel).Run();
}

template int64_t MapContrastWorkspaceBytes<float>(const MapContrastShape& shape);
template int64_t MapContrastWorkspaceBytes<double>(const MapContrastShape& shape);
template MapContrastResult ComputeMapContrast(const MapContrast<float>& contrast, std::byte* workspace,
                                              const std::atomic<bool>* cancelled, Parallel& parallel);
template MapContrastResult ComputeMapContrast(const MapContrast<double>& contrast, std::byte* workspace,
                                              const std::atomic<bool>* cancelled, Parallel& parallel);

}  // namespace lossd
