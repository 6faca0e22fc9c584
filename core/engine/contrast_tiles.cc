// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_tiles.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/engine/block_pairs.h"
#include "core/engine/block_rounds.h"
#include "core/engine/contrast_row_sweeps.h"
#include "core/engine/contrast_setup.h"
#include "core/engine/contrast_sides.h"
#include "core/engine/short_sums.h"
#include "core/engine/tile_masks.h"
#include "core/engine/workspace.h"

namespace lossd {
namespace {

using Pairs = ContrastProblem::Pairs;
using Term = ContrastProblem::Term;

double Sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

template <typename T>
class TileContrast {
 public:
  TileContrast(const ContrastProblem& problem, const ContrastOperands<T>& operands, BufferPool& pool,
               const std::atomic<bool>* cancelled, Parallel& parallel)
      : problem_(problem),
        operands_(operands),
        setup_(problem, operands),
        pool_(pool),
        cancelled_(cancelled),
        parallel_(parallel) {}

  ContrastResult Run() {
    setup_.Prepare(pool_, parallel_);
    arrays_ = setup_.arrays();
    ContrastResult result;
    if (problem_.term == Term::kSigmoid) {
      ForAllPairs([&](BlockPair pair, Lane lane) { AddSigmoid(pair, lane); });
      result = FinishSigmoid();
    } else {
      ForAllPairs([&](BlockPair pair, Lane lane) { EnterScores(pair, lane); });
      if (IsCancelled()) return result;
      result = FinishSums();
      if (setup_.WantsGradients()) ForAllPairs([&](BlockPair pair, Lane lane) { AddGradients(pair, lane); });
    }
    if (!IsCancelled()) setup_.FinishGradients(bias_gradient_, parallel_);
    return result;
  }

 private:
  bool IsCancelled() const { return cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed); }

  // Calls `body(pair, lane)` for all pairs of blocks.
  template <typename Body>
  void ForAllPairs(const Body& body) {
    const auto rows = static_cast<int64_t>(setup_.row_blocks().size());
    const auto columns = static_cast<int64_t>(setup_.column_blocks().size());
    if (problem_.symmetric()) {
      ForRounds(SymmetricPairs(rows), cancelled_, parallel_, body);
    } else {
      ForRounds(RectangularPairs(rows, columns), cancelled_, parallel_, body);
    }
  }
  // Tile `i` of a lane; null where it has fewer, or none because scores are kept.
  T* TileOf(Lane lane, int64_t i) const {
    const int64_t tiles = TilesOfLane(problem_);
    if (arrays_.tiles == nullptr || i >= tiles) return nullptr;
    return arrays_.tiles + (lane.index * tiles + i) * TileElements(problem_);
  }

  const RowBlock& RowsOf(BlockPair pair) const { return setup_.row_blocks()[static_cast<size_t>(pair.rows)]; }
  const RowBlock& ColumnsOf(BlockPair pair) const { return setup_.column_blocks()[static_cast<size_t>(pair.columns)]; }
  int64_t ColumnBlocks() const { return static_cast<int64_t>(setup_.column_blocks().size()); }
  bool IsItself(BlockPair pair) const { return problem_.symmetric() && pair.rows == pair.columns; }
  // Whether entries (r, r) are pairs.
  bool HasPairs(BlockPair pair) const {
    const RowBlock& rows = RowsOf(pair);
    const RowBlock& columns = ColumnsOf(pair);
    if (problem_.pairs == Pairs::kLabels || rows.first != columns.first) return false;
    return columns.part == (problem_.pairs == Pairs::kNextView ? rows.part + 1 : rows.part);
  }
  bool ColumnsCount(BlockPair pair) const {
    return problem_.symmetric() ? !IsItself(pair) : problem_.both_sides && ColumnsOf(pair).part == 0;
  }

  // The scores of a pair of blocks, by what counts for whom. Pairs and what is left out are -inf.
  struct BlockScores {
    ScoreTile shape;
    T* rows;                 // Scores as they count for rows;
    T* columns;              // for columns; perhaps the same.
    T* positives = nullptr;  // With labels: the scores of positives alone; null where there are none.
    T* spare = nullptr;      // A tile of no meaning.
  };

  void FormScoreProducts(const RowBlock& rows, const RowBlock& columns, Lane lane, T* tile) const {
    T* const scratch = arrays_.scratch == nullptr ? nullptr : arrays_.scratch + lane.index * ScratchElements(problem_);
    const int64_t scratch_row = setup_.score_exponent() == 0 ? columns.count : kShortSum;
    ForStripes(lane, parallel_, rows.count, [&](int64_t first, int64_t count) {
      RowBlock stripe = rows;
      stripe.first += first;
      stripe.count = count;
      FormProducts(setup_.score_factor(), setup_.score_exponent(), setup_.rows(), stripe, setup_.columns(), columns,
                   scratch == nullptr ? nullptr : scratch + first * scratch_row, tile + first * columns.count);
    });
    if (setup_.score_rest() != 1) {
      for (int64_t i = 0; i < rows.count * columns.count; ++i) tile[i] *= setup_.score_rest();
    }
    // Scaled rows may have lost bits that the columns have: beside such scores, a difference of roundings is too much.
    const bool mirrors = setup_.score_exponent() != 0 && problem_.symmetric() && rows.place == columns.place;
    for (int64_t r = 0; mirrors && r < rows.count; ++r) {
      for (int64_t c = 0; c < r; ++c) tile[r * columns.count + c] = tile[c * columns.count + r];
    }
  }

  BlockScores FormScores(BlockPair pair, bool first_pass, Lane lane) {
    const RowBlock& rows = RowsOf(pair);
    const RowBlock& columns = ColumnsOf(pair);
    const bool is_kept = arrays_.kept != nullptr;
    T* const tile =
        is_kept ? arrays_.kept + TileElements(problem_) * KeptTile(problem_, ColumnBlocks(), pair) : TileOf(lane, 0);
    BlockScores scores = {{rows.count, columns.count}, tile, tile};
    T* const second = TileOf(lane, 1);
    scores.spare = TileOf(lane, 2);
    if (is_kept && !first_pass) return scores;
    FormScoreProducts(rows, columns, lane, tile);
    if (HasPairs(pair)) KeepPairs(pair, scores, tile);
    if (HasPairs(pair) || IsItself(pair)) FillDiagonal(scores.shape, kLeftOut<T>, tile);
    if (problem_.pairs == Pairs::kLabels &&
        SplitByLabel(scores.shape, arrays_.labels + rows.place, arrays_.labels + columns.place, tile, second)) {
      scores.positives = second;
    }
    if (problem_.exclusion.has_value()) Exclude(pair, first_pass, second, scores);
    return scores;
  }

  void KeepPairs(BlockPair pair, const BlockScores& scores, const T* tile) {
    const int64_t row = RowsOf(pair).place;
    const int64_t column = ColumnsOf(pair).place;
    for (int64_t r = 0; r < scores.shape.rows; ++r) {
      const T score = tile[r * scores.shape.columns + r];
      arrays_.rows.pairs[row + r] = score;
      if (arrays_.columns.pairs != nullptr) arrays_.columns.pairs[column + r] = score;
    }
  }

  void Exclude(BlockPair pair, bool first_pass, T* second, BlockScores& scores) {
    const RowBlock& rows = RowsOf(pair);
    const RowBlock& columns = ColumnsOf(pair);
    T* const similar = scores.spare;
    FormProducts<T>(1, 0, setup_.guide_rows(), rows, setup_.guide_columns(), columns, nullptr, similar);
    if (HasPairs(pair)) FillDiagonal(scores.shape, kLeftOut<T>, similar);
    const bool both = ColumnsCount(pair);
    if (both) {
      scores.columns = second;
      std::copy_n(scores.rows, scores.shape.rows * scores.shape.columns, second);
    }
    int64_t counts[kBlockRows] = {};
    LeaveOutAboveRows(scores.shape, similar, arrays_.bounds + rows.place, scores.rows, counts);
    if (first_pass) AddCounts(counts, rows, arrays_.rows);
    if (!both) return;
    std::fill_n(counts, kBlockRows, int64_t{0});
    LeaveOutAboveColumns(scores.shape, similar, arrays_.bounds + columns.place, scores.columns, counts);
    if (first_pass) AddCounts(counts, columns, arrays_.columns);
  }

  static void AddCounts(const int64_t* counts, const RowBlock& block, const ContrastSide<T>& side) {
    for (int64_t i = 0; i < block.count; ++i) side.removed[block.place + i] += counts[i];
  }

  void EnterScores(BlockPair pair, Lane lane) {
    const BlockScores scores = FormScores(pair, true, lane);
    const int64_t row = RowsOf(pair).place;
    const int64_t column = ColumnsOf(pair).place;
    EnterRows(scores.shape, scores.rows, arrays_.rows.entered(row));
    if (ColumnsCount(pair)) EnterColumns(scores.shape, scores.columns, arrays_.columns.entered(column));
    if (problem_.smoothing != 0) {
      AddScoresOfRows(scores.shape, scores.rows, arrays_.rows.score_sums + row);
      if (ColumnsCount(pair)) {
        AddScoresOfColumns(scores.shape, scores.columns, arrays_.columns.score_sums + column);
      }
    }
    if (scores.positives == nullptr) return;
    EnterRows(scores.shape, scores.positives, arrays_.rows.entered_positives(row));
    AddScoresOfRows(scores.shape, scores.positives, arrays_.rows.score_sums + row);
    if (!ColumnsCount(pair)) return;
    EnterColumns(scores.shape, scores.positives, arrays_.columns.entered_positives(column));
    AddScoresOfColumns(scores.shape, scores.positives, arrays_.columns.score_sums + column);
  }

  // The loss, and what the gradients need of each row.
  ContrastResult FinishSums() {
    ContrastResult result;
    const ContrastSide<T>& rows = arrays_.rows;
    int64_t counted = rows.count;
    if (rows.positives != nullptr) {
      counted = std::count_if(rows.positives, rows.positives + rows.count, [](int64_t n) { return n > 0; });
    } else {
      result.accuracy = AccuracyOf(rows);
    }
    const double share = (problem_.both_sides ? 0.5 : 1.0) / static_cast<double>(std::max<int64_t>(counted, 1));
    result.loss = FinishSide(problem_, rows, problem_.column_count(), share);
    if (problem_.both_sides) result.loss += FinishSide(problem_, arrays_.columns, problem_.row_count(), share);
    return result;
  }

  void AddGradients(BlockPair pair, Lane lane) {
    const BlockScores scores = FormScores(pair, false, lane);
    const int64_t row = RowsOf(pair).place;
    const int64_t column = ColumnsOf(pair).place;
    T* gradient = scores.rows;
    if (problem_.smoothing != 0) {
      gradient = scores.spare;
      std::copy_n(scores.rows, scores.shape.rows * scores.shape.columns, gradient);
    }
    const ExpWeights<T> row_weights = {arrays_.rows.maxima + row, arrays_.rows.weights + row};
    // Rows that meet themselves do so in both orders.
    if (ColumnsCount(pair) || IsItself(pair)) {
      const ExpWeights<T> column_weights = {arrays_.columns.maxima + column, arrays_.columns.weights + column};
      const T* columns = scores.columns == scores.rows ? gradient : scores.columns;
      FormPairGradient(scores.shape, row_weights, column_weights, columns, gradient);
    } else {
      FormRowGradient(scores.shape, row_weights, gradient);
    }
    if (problem_.smoothing != 0) {
      TakeOffRows(scores.shape, scores.rows, arrays_.rows.evenly + row, gradient);
      if (ColumnsCount(pair)) TakeOffColumns(scores.shape, scores.columns, arrays_.columns.evenly + column, gradient);
    }
    if (scores.positives != nullptr) {
      const ContrastSide<T>& side = arrays_.rows;
      FormPositiveGradient(scores.shape, {side.maxima + row, side.positive_weights + row, side.positive_offsets + row},
                           {side.maxima + column, side.positive_weights + column, side.positive_offsets + column},
                           scores.positives, gradient);
    }
    SetDiagonal(pair, scores.shape, gradient);
    MultiplyGradients(pair, lane, scores.shape, gradient);
  }

  void SetDiagonal(BlockPair pair, const ScoreTile& shape, T* gradient) const {
    if (IsItself(pair)) FillDiagonal(shape, T{0}, gradient);
    if (!HasPairs(pair)) return;
    const double* const rows = arrays_.rows.pair_weights + RowsOf(pair).place;
    const double* const columns = ColumnsCount(pair) ? arrays_.columns.pair_weights + ColumnsOf(pair).place : nullptr;
    for (int64_t r = 0; r < shape.rows; ++r) {
      gradient[r * shape.columns + r] = static_cast<T>(-(rows[r] + (columns == nullptr ? 0 : columns[r])));
    }
  }

  // The gradient with respect to a pair of blocks' scores, on to rows and columns.
  void MultiplyGradients(BlockPair pair, Lane lane, const ScoreTile& shape, const T* tile) {
    const RowBlock& rows = RowsOf(pair);
    const RowBlock& columns = ColumnsOf(pair);
    const bool add = !IsItself(pair);  // A block meets itself first.
    const auto scores = MatrixView<T>::RowMajor(tile, shape.columns);
    AddProduct(lane, scores, setup_.columns(), columns, add, setup_.rows(), rows);
    if (add) AddProduct(lane, scores.Transposed(), setup_.rows(), rows, true, setup_.columns(), columns);
  }

  // Gradient of block `to` (+)= weights * block `from`.
  void AddProduct(Lane lane, MatrixView<T> weights, const RowOperand<T>& from, const RowBlock& from_block, bool add,
                  const RowOperand<T>& to, const RowBlock& to_block) {
    const int64_t width = problem_.width;
    T* const gradient = to.parts()[to_block.part].gradient;
    if (gradient == nullptr) return;
    const auto rows = MatrixView<T>::RowMajor(from.prepared(from_block.part) + from_block.first * width, width);
    MultiplyInStripes(lane, parallel_, to_block.count, width, from_block.count, setup_.gradient_factor(), weights, rows,
                      add, gradient + to_block.first * width, width);
  }

  // The sigmoid loss needs no sums first. Pairs are -inf in the sweep and then take their own term.
  void AddSigmoid(BlockPair pair, Lane lane) {
    T* const tile = TileOf(lane, 0);
    const RowBlock& rows = RowsOf(pair);
    const ScoreTile shape = {rows.count, ColumnsOf(pair).count};
    const double share = 1 / static_cast<double>(problem_.row_count());
    FormScoreProducts(rows, ColumnsOf(pair), lane, tile);
    double pairs[kBlockRows];
    if (HasPairs(pair)) {
      for (int64_t r = 0; r < shape.rows; ++r) {
        pairs[r] = static_cast<double>(tile[r * shape.columns + r]) + operands_.bias;
      }
      FillDiagonal(shape, kLeftOut<T>, tile);
    }
    const SigmoidRowSums sums = {arrays_.sigmoids.losses + rows.place, arrays_.sigmoids.gradients + rows.place};
    FormSigmoidGradient(shape, static_cast<T>(operands_.bias), static_cast<T>(share), tile, sums);
    if (HasPairs(pair)) {
      for (int64_t r = 0; r < shape.rows; ++r) {
        const double gradient = -share * Sigmoid(-pairs[r]);
        tile[r * shape.columns + r] = static_cast<T>(gradient);
        sums.losses[r] += Softplus(-pairs[r]);
        sums.gradients[r] += gradient;
      }
    }
    if (setup_.WantsGradients()) MultiplyGradients(pair, lane, shape, tile);
  }

  ContrastResult FinishSigmoid() {
    ContrastResult result;
    double gradient = 0;
    for (int64_t i = 0; i < problem_.row_count(); ++i) {
      result.loss += arrays_.sigmoids.losses[i] / static_cast<double>(problem_.row_count());
      gradient += arrays_.sigmoids.gradients[i];
    }
    bias_gradient_ = gradient;
    return result;
  }

  const ContrastProblem& problem_;
  const ContrastOperands<T>& operands_;
  ContrastSetup<T> setup_;
  BufferPool& pool_;
  const std::atomic<bool>* const cancelled_;
  Parallel& parallel_;
  ContrastArrays<T> arrays_{};
  double bias_gradient_ = 0;
};

}  // namespace

template <typename T>
int64_t WorkspaceBytesOf(const ContrastProblem& problem, bool gradients) {
  Workspace workspace(nullptr);
  LayOutContrast<T>(problem, gradients, workspace);
  int64_t bytes = workspace.bytes();
  if (problem.normalize) {
    bytes += RowOperand<T>::CopyBytes(problem.row_count(), problem.width);
    if (!problem.symmetric()) bytes += RowOperand<T>::CopyBytes(problem.column_count(), problem.width);
  }
  if (problem.scale_input >= 0) bytes += RowOperand<T>::CopyBytes(problem.row_count(), problem.width);
  if (problem.exclusion.has_value()) {
    bytes += RowOperand<T>::CopyBytes(problem.row_count(), problem.exclusion->width) +
             RowOperand<T>::CopyBytes(problem.column_count(), problem.exclusion->width);
  }
  return bytes;
}

template <typename T>
ContrastResult ComputeContrast(const ContrastProblem& problem, const ContrastOperands<T>& operands, BufferPool& pool,
                               const std::atomic<bool>* cancelled, Parallel& parallel) {
  return TileContrast<T>(problem, operands, pool, cancelled, parallel).Run();
}

template int64_t WorkspaceBytesOf<float>(const ContrastProblem& problem, bool gradients);
template int64_t WorkspaceBytesOf<double>(const ContrastProblem& problem, bool gradients);
template ContrastResult ComputeContrast(const ContrastProblem& problem, const ContrastOperands<float>& operands,
                                        BufferPool& pool, const std::atomic<bool>* cancelled, Parallel& parallel);
template ContrastResult ComputeContrast(const ContrastProblem& problem, const ContrastOperands<double>& operands,
                                        BufferPool& pool, const std::atomic<bool>* cancelled, Parallel& parallel);

}  // namespace lossd
