// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_maps.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/engine/contrast_sweeps.h"
#include "core/engine/gemm.h"
#include "core/engine/workspace.h"

namespace lossd {
namespace {

// Scores and slopes of a chunk together: what the last-level cache can hold beside the operands.
constexpr int64_t kChunkBytes = 12 << 20;
// Columns of a tile: small enough for the second-level cache, large enough for the matrix product.
constexpr int64_t kTileColumns = 512;
// Channels of a block of the sources' gradient.
constexpr int64_t kChannelBlock = 128;
// Up to this clip the exponentials of scores and their sums stay in float's range without a reference.
constexpr double kLargestBareClip = 40;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// How a contrast is cut. Depends on its shape only.
struct Cut {
  int64_t chunk_rows;   // Rows b of a chunk.
  int64_t tile_images;  // Images j of a tile.
  int64_t tiles;
};

template <typename T>
Cut CutOf(const MapContrastShape& shape) {
  const int64_t row_bytes = 2 * static_cast<int64_t>(sizeof(T)) * shape.images * shape.locations;
  const int64_t most_rows = std::clamp(kChunkBytes / row_bytes, int64_t{1}, shape.images);
  const int64_t chunks = CeilDiv(shape.images, most_rows);
  const int64_t tile_images = std::clamp(kTileColumns / shape.locations, int64_t{1}, shape.images);
  return {CeilDiv(shape.images, chunks), tile_images, CeilDiv(shape.images, tile_images)};
}

// The arrays of a chunk.
template <typename T>
struct Arrays {
  T* scores;             // x: [chunk rows, B L]
  T* slopes;             // exp(s - m) phi'(x), then the gradient with respect to x: [chunk rows, B L]
  T* tile_maxima;        // [tiles, chunk rows]
  T* references;         // m: [chunk rows]
  T* slope_weights;      // [chunk rows]
  double* tile_exps;     // [tiles, chunk rows]
  double* tile_squares;  // [tiles, chunk rows]
  double* exp_sums;      // N: [chunk rows]
  double* loss_sums;     // [chunk rows]
  double* sigmoid_sums;  // [chunk rows]
};

template <typename T>
Arrays<T> LayOut(const MapContrastShape& shape, const Cut& cut, Workspace& workspace) {
  const int64_t scores = cut.chunk_rows * shape.images * shape.locations + kSweepPadding;
  const int64_t tile_rows = cut.tiles * cut.chunk_rows;
  return {workspace.Take<T>(scores),
          workspace.Take<T>(scores),
          workspace.Take<T>(tile_rows),
          workspace.Take<T>(cut.chunk_rows),
          workspace.Take<T>(cut.chunk_rows),
          workspace.Take<double>(tile_rows),
          workspace.Take<double>(tile_rows),
          workspace.Take<double>(cut.chunk_rows),
          workspace.Take<double>(cut.chunk_rows),
          workspace.Take<double>(cut.chunk_rows)};
}

// One direction on its way through its chunks.
template <typename T>
class Direction {
 public:
  Direction(const MapContrast<T>& contrast, std::byte* block, const std::atomic<bool>* cancelled, Parallel& parallel)
      : contrast_(contrast),
        shape_(contrast.shape),
        cut_(CutOf<T>(shape_)),
        row_columns_(shape_.images * shape_.locations),
        alpha_(static_cast<T>(1 / std::sqrt(static_cast<double>(shape_.channels)))),
        clip_(static_cast<T>(contrast.clip)),
        has_references_(contrast.clip > kLargestBareClip),
        wants_gradient_(contrast.source_gradient != nullptr || contrast.target_gradient != nullptr),
        cancelled_(cancelled),
        parallel_(parallel) {
    Workspace workspace(block);
    arrays_ = LayOut<T>(shape_, cut_, workspace);
  }

  MapContrastResult Run() {
    for (int64_t first = 0; first < shape_.images && !IsCancelled(); first += cut_.chunk_rows) {
      RunChunk(first, std::min(cut_.chunk_rows, shape_.images - first));
    }
    const double positives = static_cast<double>(row_columns_);
    const double pairs = positives * static_cast<double>(shape_.images);
    return {loss_sum_ / positives, square_sum_ / pairs};
  }

 private:
  bool IsCancelled() const { return cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed); }

  // The part of a chunk's rows [first, first + rows) over the images of tile t.
  SweepTile TileOf(int64_t first, int64_t rows, int64_t t) const {
    const int64_t image = t * cut_.tile_images;
    const int64_t images = std::min(cut_.tile_images, shape_.images - image);
    return {rows, images * shape_.locations, row_columns_, (first - image) * shape_.locations, shape_.locations};
  }

  void RunChunk(int64_t first, int64_t rows) {
    parallel_.For(cut_.tiles, [&](int64_t t) {
      if (IsCancelled()) return;
      FormScores(first, rows, t);
      if (!has_references_) SumTile(first, rows, t);
    });
    if (has_references_) {
      ReduceMaxima(rows);
      parallel_.For(cut_.tiles, [&](int64_t t) { SumTile(first, rows, t); });
    }
    FinishRows(first, rows);
    if (!wants_gradient_ || IsCancelled()) return;
    parallel_.For(cut_.tiles, [&](int64_t t) {
      if (!IsCancelled()) FormTargetGradient(first, rows, t);
    });
    if (contrast_.source_gradient == nullptr) return;
    parallel_.For(CeilDiv(shape_.channels, kChannelBlock), [&](int64_t block) {
      if (!IsCancelled()) FormSourceGradient(first, rows, block);
    });
  }

  // x of tile t: sources times targets, and the rows' maxima where they are needed.
  void FormScores(int64_t first, int64_t rows, int64_t t) {
    const T* sources = contrast_.sources + first * shape_.channels;
    const int64_t image = t * cut_.tile_images;
    for (int64_t j = image; j < std::min(image + cut_.tile_images, shape_.images); ++j) {
      const T* target = contrast_.targets + j * shape_.channels * shape_.locations;
      Gemm(rows, shape_.locations, shape_.channels, alpha_, MatrixView<T>::RowMajor(sources, shape_.channels),
           MatrixView<T>::RowMajor(target, shape_.locations), false, arrays_.scores + j * shape_.locations,
           row_columns_);
    }
    if (has_references_) {
      MaxOfNegatives(TileOf(first, rows, t), arrays_.scores + image * shape_.locations,
                     arrays_.tile_maxima + t * cut_.chunk_rows);
    }
  }

  // m of each row: the largest clipped score of its negatives, where that is finite.
  void ReduceMaxima(int64_t rows) {
    for (int64_t r = 0; r < rows; ++r) {
      T maximum = -std::numeric_limits<T>::infinity();
      for (int64_t t = 0; t < cut_.tiles; ++t) {
        maximum = std::max(maximum, arrays_.tile_maxima[t * cut_.chunk_rows + r]);
      }
      const T clipped = std::isinf(clip_) ? maximum : clip_ * std::tanh(maximum / clip_);
      arrays_.references[r] = std::isfinite(clipped) ? clipped : T{0};
    }
  }

  const T* References() const { return has_references_ ? arrays_.references : nullptr; }

  void SumTile(int64_t first, int64_t rows, int64_t t) {
    const int64_t column = t * cut_.tile_images * shape_.locations;
    const int64_t row = t * cut_.chunk_rows;
    SumExponentials(TileOf(first, rows, t), arrays_.scores + column, clip_, References(),
                    wants_gradient_ ? arrays_.slopes + column : nullptr, arrays_.tile_exps + row,
                    arrays_.tile_squares + row);
  }

  // Sums over tiles in their order, losses of the positives, weights of the slopes.
  void FinishRows(int64_t first, int64_t rows) {
    for (int64_t r = 0; r < rows; ++r) {
      arrays_.exp_sums[r] = 0;
      for (int64_t t = 0; t < cut_.tiles; ++t) {
        arrays_.exp_sums[r] += arrays_.tile_exps[t * cut_.chunk_rows + r];
        square_sum_ += arrays_.tile_squares[t * cut_.chunk_rows + r];
      }
    }
    const SweepTile chunk = {rows, row_columns_, row_columns_, first * shape_.locations, shape_.locations};
    if (shape_.images == 1) return NoNegatives();
    ScorePositives(chunk, arrays_.scores, clip_, References(), arrays_.exp_sums,
                   wants_gradient_ ? arrays_.slopes : nullptr, arrays_.loss_sums, arrays_.sigmoid_sums);
    const double weight = contrast_.loss_weight / static_cast<double>(row_columns_);
    for (int64_t r = 0; r < rows; ++r) {
      loss_sum_ += arrays_.loss_sums[r];
      arrays_.slope_weights[r] = static_cast<T>(weight * arrays_.sigmoid_sums[r] / arrays_.exp_sums[r]);
    }
  }

  // A single image: its loss is 0 whatever its scores are.
  void NoNegatives() {
    arrays_.slope_weights[0] = 0;
    if (wants_gradient_) std::fill_n(arrays_.slopes, row_columns_, T{0});
  }

  // The gradient with respect to x of tile t, and what it gives to the targets.
  void FormTargetGradient(int64_t first, int64_t rows, int64_t t) {
    const int64_t image = t * cut_.tile_images;
    const double pairs = static_cast<double>(row_columns_) * static_cast<double>(shape_.images);
    const SlopeWeights<T> weights = {arrays_.slope_weights,
                                     static_cast<T>(contrast_.loss_weight / static_cast<double>(row_columns_)),
                                     static_cast<T>(2 * contrast_.square_weight / pairs)};
    FormGradient(TileOf(first, rows, t), arrays_.scores + image * shape_.locations, weights,
                 arrays_.slopes + image * shape_.locations);
    if (contrast_.target_gradient == nullptr) return;
    const T* sources = contrast_.sources + first * shape_.channels;
    for (int64_t j = image; j < std::min(image + cut_.tile_images, shape_.images); ++j) {
      Gemm(shape_.channels, shape_.locations, rows, alpha_, MatrixView<T>::Transposed(sources, shape_.channels),
           MatrixView<T>::RowMajor(arrays_.slopes + j * shape_.locations, row_columns_),
           contrast_.accumulate_target || first > 0, contrast_.target_gradient + j * shape_.channels * shape_.locations,
           shape_.locations);
    }
  }

  // The sources' gradient in a block of channels, over all images in their order.
  void FormSourceGradient(int64_t first, int64_t rows, int64_t block) {
    const int64_t channel = block * kChannelBlock;
    const int64_t channels = std::min(kChannelBlock, shape_.channels - channel);
    for (int64_t j = 0; j < shape_.images; ++j) {
      const T* target = contrast_.targets + (j * shape_.channels + channel) * shape_.locations;
      Gemm(rows, channels, shape_.locations, alpha_,
           MatrixView<T>::RowMajor(arrays_.slopes + j * shape_.locations, row_columns_),
           MatrixView<T>::Transposed(target, shape_.locations), j > 0,
           contrast_.source_gradient + first * shape_.channels + channel, shape_.channels);
    }
  }

  const MapContrast<T>& contrast_;
  const MapContrastShape shape_;
  const Cut cut_;
  const int64_t row_columns_;  // B L
  const T alpha_;
  const T clip_;
  const bool has_references_;
  const bool wants_gradient_;
  const std::atomic<bool>* const cancelled_;
  Parallel& parallel_;
  Arrays<T> arrays_;
  double loss_sum_ = 0;
  double square_sum_ = 0;
};

}  // namespace

template <typename T>
int64_t MapContrastWorkspaceBytes(const MapContrastShape& shape) {
  Workspace workspace(nullptr);
  LayOut<T>(shape, CutOf<T>(shape), workspace);
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
