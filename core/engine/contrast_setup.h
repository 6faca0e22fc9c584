// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a contrast in tiles has besides its walk over them: its operands as products read them, how they are cut into
// blocks, memory, and what is known of rows before there are scores.

#ifndef LOSSD_CORE_ENGINE_CONTRAST_SETUP_H_
#define LOSSD_CORE_ENGINE_CONTRAST_SETUP_H_

#include <cstdint>
#include <type_traits>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "core/engine/block_pairs.h"
#include "core/engine/contrast.h"
#include "core/engine/contrast_sides.h"
#include "core/engine/contrast_tiles.h"
#include "core/engine/parallel.h"
#include "core/engine/row_operand.h"
#include "core/engine/short_sums.h"
#include "core/engine/workspace.h"
#include "core/tensor/buffer_pool.h"

namespace lossd {

// Rows of a block. A tile of block times block scores stays in the second-level cache.
inline constexpr int64_t kBlockRows = 256;

// Neighbouring rows of one part.
struct RowBlock {
  size_t part;
  int64_t first;  // In the part.
  int64_t count;
  int64_t place;  // Of the first, among all rows.
};

// Tiles that a lane needs side by side: scores; then positives, or the columns' scores; similarities, or the gradient
// while scores are still wanted.
int64_t TilesOfLane(const ContrastProblem& problem);

// Of a tile: its scores, and what sweeps read behind them, where another thread's tile must not begin.
int64_t TileElements(const ContrastProblem& problem);

// Scores of softmax terms up to this size are kept from the sums to the gradient, unless labels or guides split them:
// writing them and reading them again is quicker than forming them again.
inline constexpr int64_t kKeptScoreBytes = int64_t{64} << 20;
// Of vectors this wide: scores of narrow ones are formed again in less time, and a small request must not need much
// memory. Nor are scores of few blocks of rows, or more than so many for each element of the operands.
inline constexpr int64_t kLeastKeptWidth = 64;
inline constexpr int64_t kLeastKeptBlocks = 8;
inline constexpr int64_t kMostKeptScores = 16;

// Tiles that are kept, one for each pair of blocks that meet (KeptTile), or 0.
template <typename T>
int64_t KeptTilesOf(const ContrastProblem& problem, bool gradients);

// The place of a pair of blocks' tile among those kept, where a problem has so many blocks of columns.
inline int64_t KeptTile(const ContrastProblem& problem, int64_t column_blocks, BlockPair pair) {
  if (!problem.symmetric()) return pair.rows * column_blocks + pair.columns;
  return pair.rows * column_blocks - pair.rows * (pair.rows - 1) / 2 + pair.columns - pair.rows;
}

// Of what products of scores need beside the tile, a lane.
int64_t ScratchElements(const ContrastProblem& problem);

template <typename T>
struct ContrastArrays {
  T* tiles;    // Those of lane 0, of lane 1, ...; null where scores are kept and a lane needs no other tile.
  T* kept;     // KeptTilesOf tiles of scores; null where these are none.
  T* scratch;  // ScratchElements of lane 0, of lane 1, ...; null where these are none.
  ContrastSide<T> rows;
  ContrastSide<T> columns;  // As rows where rows meet themselves; empty where columns have no term.
  SigmoidRowSums sigmoids;  // Of rows.
  T* bounds;                // With exclusion: the largest similarity that stays, of each pair.
  double* similarities;     // With weighted pairs.
  std::conditional_t<std::is_same_v<T, float>, int32_t, int64_t>* labels;  // Numbered from 0 on.
};

template <typename T>
ContrastArrays<T> LayOutContrast(const ContrastProblem& problem, bool gradients, Workspace& workspace);

// Not thread-safe; borrows problem and operands.
template <typename T>
class ContrastSetup {
 public:
  ContrastSetup(const ContrastProblem& problem, const ContrastOperands<T>& operands);

  // Allocates from `pool`, prepares operands and clears sums and gradients.
  void Prepare(BufferPool& pool, Parallel& parallel);
  // Gradients have been summed with respect to what products read, and the bias's is `bias_gradient`: turns them into
  // those of the request's inputs.
  void FinishGradients(double bias_gradient, Parallel& parallel);

  bool WantsGradients() const;
  const RowOperand<T>& rows() const { return rows_; }
  const RowOperand<T>& columns() const { return symmetric_ ? rows_ : columns_; }
  const RowOperand<T>& guide_rows() const { return guide_rows_; }
  const RowOperand<T>& guide_columns() const { return guide_columns_; }
  absl::Span<const RowBlock> row_blocks() const { return row_blocks_; }
  absl::Span<const RowBlock> column_blocks() const { return symmetric_ ? row_blocks_ : column_blocks_; }
  const ContrastArrays<T>& arrays() const { return arrays_; }
  // By which products become scores, and scores' gradients those of the operands.
  T score_factor() const { return score_factor_; }
  // What is left of a factor that T does not hold, by which products are multiplied once more; else 1.
  T score_rest() const { return score_rest_; }
  // Where products would leave the range of T: rows are scaled by 2^-exponent for scores, which their factor makes
  // good.
  int score_exponent() const { return score_exponent_; }
  T gradient_factor() const { return gradient_factor_; }

 private:
  double GradientFactor() const;
  void PrepareFactors();
  int ScoreExponent() const;
  void NumberLabels();
  void WeighAllPairs();
  void FindBounds(BufferPool& pool, Parallel& parallel);

  const ContrastProblem& problem_;
  const ContrastOperands<T>& operands_;
  const bool symmetric_;
  RowOperand<T> rows_;
  RowOperand<T> columns_;
  RowOperand<T> guide_rows_;
  RowOperand<T> guide_columns_;
  const absl::InlinedVector<RowBlock, 4> row_blocks_;
  const absl::InlinedVector<RowBlock, 4> column_blocks_;
  Buffer workspace_;
  ContrastArrays<T> arrays_{};
  T score_factor_ = 1;
  T score_rest_ = 1;
  int score_exponent_ = 0;
  bool factor_at_once_ = false;  // Products apply the whole factor of the gradients.
  T gradient_factor_ = 1;
};

// c = factor * (rows of `left`) (rows of `right`)^T, [rows.count, columns.count]. With an exponent that is not 0 the
// rows are scaled by 2^-exponent first, through `scratch`, kScratchElements. Else sums of more than kLongSum terms are
// formed in groups where there is a scratch, as large as c.
template <typename T>
void FormProducts(T factor, int exponent, const RowOperand<T>& left, const RowBlock& rows, const RowOperand<T>& right,
                  const RowBlock& columns, T* scratch, T* c);
inline constexpr int64_t kScratchElements = kBlockRows * kShortSum;

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CONTRAST_SETUP_H_
