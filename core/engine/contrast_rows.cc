// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_rows.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "core/engine/contrast_row_sweeps.h"
#include "core/engine/finite_cast.h"
#include "core/engine/gemm.h"
#include "core/engine/rounding.h"
#include "core/engine/workspace.h"

namespace lossd {
namespace {

// Rows of a block. A tile of block times block scores stays in the second-level cache.
constexpr int64_t kBlockRows = 256;
// Most terms of a sum that is formed in one go.
constexpr int64_t kSummedTerms = 64;
// Tiles at a time; also the most threads that help.
constexpr int64_t kTiles = 16;

double Softplus(double z) { return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))); }

// Every row's quantities, view by view, padded for sweeps that read whole vectors.
template <typename T>
struct Arrays {
  T* tiles;         // kTiles of TileElements.
  T* picks;         // Scores of the picks.
  T* maxima;        // m: largest score among the negatives.
  T* weights;       // sig / (M sum): of exp(s - m) in the gradient.
  T* pick_weights;  // sig / M
  double* sums;     // Sum of exp(s - m) over the negatives.
};

// Of a tile: its scores, and what sweeps read behind them, where another thread's tile must not begin.
int64_t TileElements(int64_t rows) {
  const int64_t side = std::min(rows, kBlockRows);
  return side * side + kSweepPadding;
}

template <typename T>
Arrays<T> LayOut(int64_t rows, Workspace& workspace) {
  const int64_t all = 2 * rows + kSweepPadding;
  return {workspace.Take<T>(std::min(kTiles, 2 * CeilDiv(rows, kBlockRows)) * TileElements(rows)),
          workspace.Take<T>(all),
          workspace.Take<T>(all),
          workspace.Take<T>(all),
          workspace.Take<T>(all),
          workspace.Take<double>(all)};
}

// A pair of blocks, row side and column side.
struct BlockPair {
  int64_t rows;
  int64_t columns;
};

// Blocks of both views meet like the players of a round-robin tournament: in a round every block plays once, so that
// the pairs of a round write to different places.
class Tournament {
 public:
  explicit Tournament(int64_t players) : players_(players) {}  // An even number.

  int64_t rounds() const { return players_ - 1; }
  int64_t pairs() const { return players_ / 2; }

  BlockPair Pair(int64_t round, int64_t pair) const {
    const int64_t circle = players_ - 1;
    const int64_t a = (round + pair) % circle;
    const int64_t b = pair == 0 ? circle : (round + circle - pair) % circle;
    return {std::min(a, b), std::max(a, b)};
  }

 private:
  const int64_t players_;
};

template <typename T>
class Comparison {
 public:
  Comparison(const RowContrast<T>& contrast, std::byte* block, const std::atomic<bool>* cancelled, Parallel& parallel)
      : contrast_(contrast),
        blocks_(CeilDiv(contrast.rows, kBlockRows)),
        all_rows_(2 * contrast.rows),
        cancelled_(cancelled),
        parallel_(parallel) {
    Workspace workspace(block);
    arrays_ = LayOut<T>(contrast.rows, workspace);
  }

  double Run() {
    std::fill_n(arrays_.maxima, all_rows_, -std::numeric_limits<T>::infinity());
    std::fill_n(arrays_.sums, all_rows_, 0.0);
    ForAllPairs([&](BlockPair pair, T* tile) { EnterScores(pair, tile); });
    if (IsCancelled()) return 0;
    const double loss = FinishRows();
    if (contrast_.gradients[0] == nullptr && contrast_.gradients[1] == nullptr) return loss;
    ForAllPairs([&](BlockPair pair, T* tile) { AddGradients(pair, tile); });
    return loss;
  }

 private:
  bool IsCancelled() const { return cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed); }

  // Of a block: its view, its first row there, its number of rows, its first row among all.
  int64_t ViewOf(int64_t block) const { return block / blocks_; }
  int64_t FirstOf(int64_t block) const { return block % blocks_ * kBlockRows; }
  int64_t CountOf(int64_t block) const { return std::min(kBlockRows, contrast_.rows - FirstOf(block)); }
  int64_t PlaceOf(int64_t block) const { return ViewOf(block) * contrast_.rows + FirstOf(block); }
  const T* RowsOf(int64_t block) const {
    return contrast_.views[static_cast<size_t>(ViewOf(block))] + FirstOf(block) * contrast_.width;
  }
  T* GradientOf(int64_t block) const {
    T* gradient = contrast_.gradients[static_cast<size_t>(ViewOf(block))];
    return gradient == nullptr ? nullptr : gradient + FirstOf(block) * contrast_.width;
  }

  // Calls `body(pair, tile)` for each pair of blocks: first each block with itself, then round by round.
  template <typename Body>
  void ForAllPairs(const Body& body) {
    ForPairs(
        2 * blocks_,
        [](int64_t i) {
          return BlockPair{i, i};
        },
        body);
    const Tournament tournament(2 * blocks_);
    for (int64_t round = 0; round < tournament.rounds(); ++round) {
      ForPairs(
          tournament.pairs(), [&](int64_t i) { return tournament.Pair(round, i); }, body);
    }
  }

  template <typename PairAt, typename Body>
  void ForPairs(int64_t count, const PairAt& pair_at, const Body& body) {
    const int64_t lanes = std::min(count, kTiles);
    const int64_t tile_elements = TileElements(contrast_.rows);
    parallel_.For(lanes, [&](int64_t lane) {
      for (int64_t i = lane; i < count && !IsCancelled(); i += lanes) {
        body(pair_at(i), arrays_.tiles + lane * tile_elements);
      }
    });
  }

  // c (+)= alpha a b, in sums of at most kSummedTerms terms: rows may be far from orthogonal, then terms have one sign
  // and the roundings of a long sum add up.
  static void Multiply(int64_t m, int64_t n, int64_t k, T alpha, MatrixView<T> a, MatrixView<T> b, bool add, T* c,
                       int64_t stride) {
    for (int64_t first = 0; first < k; first += kSummedTerms) {
      Gemm(m, n, std::min(kSummedTerms, k - first), alpha, a, b, add || first > 0, c, stride);
      a.data += kSummedTerms * a.column_stride;
      b.data += kSummedTerms * b.row_stride;
    }
  }

  // Forms the scores of a pair and takes out what is no negative: a row with itself, a row with its pick.
  ScoreTile FormScores(BlockPair pair, T* tile) {
    const ScoreTile shape = {CountOf(pair.rows), CountOf(pair.columns)};
    Multiply(shape.rows, shape.columns, contrast_.width, FiniteCast<T>(1 / contrast_.temperature),
             MatrixView<T>::RowMajor(RowsOf(pair.rows), contrast_.width),
             MatrixView<T>::Transposed(RowsOf(pair.columns), contrast_.width), false, tile, shape.columns);
    if (HasPicks(pair)) {
      for (int64_t r = 0; r < shape.rows; ++r) {
        arrays_.picks[PlaceOf(pair.rows) + r] = arrays_.picks[PlaceOf(pair.columns) + r] = tile[r * shape.columns + r];
      }
    }
    if (HasPicks(pair) || pair.rows == pair.columns) {
      for (int64_t r = 0; r < shape.rows; ++r) tile[r * shape.columns + r] = -std::numeric_limits<T>::infinity();
    }
    return shape;
  }

  bool HasPicks(BlockPair pair) const { return pair.columns == pair.rows + blocks_; }

  RunningSums<T> SumsOf(int64_t block) const {
    return {arrays_.maxima + PlaceOf(block), arrays_.sums + PlaceOf(block)};
  }

  void EnterScores(BlockPair pair, T* tile) {
    const ScoreTile shape = FormScores(pair, tile);
    EnterRows(shape, tile, SumsOf(pair.rows));
    if (pair.rows != pair.columns) EnterColumns(shape, tile, SumsOf(pair.columns));
  }

  // The loss, and what the gradients need of each row.
  double FinishRows() {
    const double share = 1 / static_cast<double>(all_rows_);
    double loss = 0;
    for (int64_t i = 0; i < all_rows_; ++i) {
      const double distance = static_cast<double>(arrays_.picks[i]) - static_cast<double>(arrays_.maxima[i]);
      const double sum = arrays_.sums[i];
      const double sigmoid = sum == 0 ? 0 : sum / (sum + std::exp(distance));
      if (sum != 0) {
        loss += share * Softplus(std::log(sum) - distance);
      } else if (std::isnan(distance)) {  // A row without negatives loses nothing, but shows a NaN.
        loss = distance;
      }
      arrays_.weights[i] = sum == 0 ? T{0} : static_cast<T>(share * sigmoid / sum);
      arrays_.pick_weights[i] = static_cast<T>(share * sigmoid);
    }
    return loss;
  }

  ExpWeights<T> WeightsOf(int64_t block) const {
    return {arrays_.maxima + PlaceOf(block), arrays_.weights + PlaceOf(block)};
  }

  void AddGradients(BlockPair pair, T* tile) {
    const ScoreTile shape = FormScores(pair, tile);
    FormPairGradient(shape, WeightsOf(pair.rows), WeightsOf(pair.columns), tile);
    if (HasPicks(pair) || pair.rows == pair.columns) {
      for (int64_t r = 0; r < shape.rows; ++r) {
        const T picks = arrays_.pick_weights[PlaceOf(pair.rows) + r] + arrays_.pick_weights[PlaceOf(pair.columns) + r];
        tile[r * shape.columns + r] = pair.rows == pair.columns ? T{0} : -picks;
      }
    }
    const T alpha = FiniteCast<T>(contrast_.weight / contrast_.temperature);
    const bool add = pair.rows != pair.columns;  // A block meets itself first.
    if (T* gradient = GradientOf(pair.rows); gradient != nullptr) {
      Multiply(shape.rows, contrast_.width, shape.columns, alpha, MatrixView<T>::RowMajor(tile, shape.columns),
               MatrixView<T>::RowMajor(RowsOf(pair.columns), contrast_.width), add, gradient, contrast_.width);
    }
    if (T* gradient = GradientOf(pair.columns); gradient != nullptr && add) {
      Multiply(shape.columns, contrast_.width, shape.rows, alpha, MatrixView<T>::Transposed(tile, shape.columns),
               MatrixView<T>::RowMajor(RowsOf(pair.rows), contrast_.width), true, gradient, contrast_.width);
    }
  }

  const RowContrast<T>& contrast_;
  const int64_t blocks_;  // Of a view.
  const int64_t all_rows_;
  const std::atomic<bool>* const cancelled_;
  Parallel& parallel_;
  Arrays<T> arrays_;
};

}  // namespace

template <typename T>
int64_t RowContrastWorkspaceBytes(int64_t rows) {
  Workspace workspace(nullptr);
  LayOut<T>(rows, workspace);
  return workspace.bytes();
}

template <typename T>
double ComputeRowContrast(const RowContrast<T>& contrast, std::byte* workspace, const std::atomic<bool>* cancelled,
                          Parallel& parallel) {
  return Comparison<T>(contrast, workspace, cancelled, parallel).Run();
}

template int64_t RowContrastWorkspaceBytes<float>(int64_t rows);
template int64_t RowContrastWorkspaceBytes<double>(int64_t rows);
template double ComputeRowContrast(const RowContrast<float>& contrast, std::byte* workspace,
                                   const std::atomic<bool>* cancelled, Parallel& parallel);
template double ComputeRowContrast(const RowContrast<double>& contrast, std::byte* workspace,
                                   const std::atomic<bool>* cancelled, Parallel& parallel);

}  // namespace lossd
