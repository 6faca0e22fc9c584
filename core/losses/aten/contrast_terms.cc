// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/contrast_terms.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/losses/aten/products.h"
#include "core/losses/aten/row_stack.h"

namespace lossd::aten {
namespace {

using Pairs = ContrastProblem::Pairs;
using Term = ContrastProblem::Term;

// The clip as scores of type T can hold it; 0, which is none, where that is too narrow for it.
template <typename T>
double ClipOf(double clip) {
  if (std::isinf(clip) || clip > std::numeric_limits<T>::max()) return 0;
  return std::max<double>(clip, std::numeric_limits<T>::min());
}

// The terms in float32 or float64.
template <typename T>
class Terms {
 public:
  Terms(const ContrastProblem& problem, Groups groups, const Target& target, const ContrastOperands& operands)
      : problem_(problem),
        groups_(groups),
        target_(target),
        operands_(operands),
        rows_(operands.rows),
        columns_(operands.columns),
        stack_(rows_.vectors.size(0)),
        count_(rows_.vectors.size(1)),
        numbers_(operands.numbers.stride(0) / count_),
        all_columns_(columns_.vectors.size(1)),
        first_(FirstTileOf(problem, target, count_, all_columns_)),
        share_((problem.both_sides ? 0.5 : 1.0) / static_cast<double>(count_)),
        gradient_factor_(std::ldexp(1.0, operands.weight_exponent)),
        wide_(rows_.vectors.options().dtype(at::kDouble)) {}

  void Run() {
    if (problem_.pairs == Pairs::kBlocks) {
      RunBlocks();
    } else if (problem_.pairs == Pairs::kSteps) {
      RunSteps();
    } else if (problem_.pairs == Pairs::kLabels) {
      RunLabels();
    } else if (problem_.term == Term::kSigmoid) {
      RunSigmoids();
    } else if (problem_.both_sides) {
      RunBothSides();
    } else {
      RunRows();
    }
  }

 private:
  // Calls body(tile) for all tiles, those of the same rows one after the other.
  template <typename Body>
  void ForTiles(const Body& body) const {
    Tile tile;
    for (; tile.first_row < count_; tile.first_row += first_.rows) {
      tile.rows = std::min(first_.rows, count_ - tile.first_row);
      for (tile.first_column = 0; tile.first_column < all_columns_; tile.first_column += first_.columns) {
        if (AllCancelled(groups_)) return;
        tile.columns = std::min(first_.columns, all_columns_ - tile.first_column);
        body(tile);
      }
    }
  }

  bool WantsGradients() const { return rows_.gradient.defined() || columns_.gradient.defined(); }

  static at::Tensor RowsOf(const at::Tensor& all, const Tile& tile) { return all.narrow(1, tile.first_row, tile.rows); }
  static at::Tensor ColumnsOf(const at::Tensor& all, const Tile& tile) {
    return all.narrow(1, tile.first_column, tile.columns);
  }

  // [G, rows, columns]
  at::Tensor FormScores(const Tile& tile) const {
    return Multiply(target_, RowsOf(rows_.vectors, tile), ColumnsOf(columns_.vectors, tile).transpose(1, 2));
  }
  at::Tensor FormSimilarities(const Tile& tile) const {
    if (!operands_.bounds.defined()) return {};
    return at::bmm(RowsOf(operands_.guide_rows, tile), ColumnsOf(operands_.guide_columns, tile).transpose(1, 2));
  }

  // What the gradient by `scores` is written to: their place, or a new one where products read it rounded. Undefined
  // where nobody wants it.
  at::Tensor RoomForGradient(const at::Tensor& scores) const {
    if (!WantsGradients()) return {};
    const at::ScalarType type = OperandType(target_, scores.scalar_type());
    return type == scores.scalar_type() ? scores : at::empty(scores.sizes(), scores.options().dtype(type));
  }

  // Scores of a tile; `gradient` is undefined where it is not to be written.
  ScoreBlock<T> BlockOf(const at::Tensor& scores, const Tile& tile, const at::Tensor& gradient) const {
    ScoreBlock<T> block;
    block.scores = ElementsOf<T>(scores);
    if (gradient.defined()) block.gradient = DestinationIn<T>(gradient);
    block.groups = stack_;
    block.rows = tile.rows;
    block.columns = tile.columns;
    block.first_row = tile.first_row;
    block.first_column = tile.first_column;
    block.all_rows = count_;
    block.scale = ProductOf({operands_.scale, rows_.factor, columns_.factor});
    return block;
  }

  void AddGradients(const at::Tensor& gradient, const Tile& tile) const {
    if (!gradient.defined()) return;
    if (rows_.gradient.defined()) {
      AddProduct(target_, RowsOf(rows_.gradient, tile), gradient, ColumnsOf(columns_.vectors, tile), gradient_factor_);
    }
    if (columns_.gradient.defined()) {
      AddProduct(target_, ColumnsOf(columns_.gradient, tile), gradient.transpose(1, 2), RowsOf(rows_.vectors, tile),
                 gradient_factor_);
    }
  }

  // Calls sweep(scores, gradient, tile) for tiles, and adds what it has left in `gradient`. No tile of scores is held
  // beside the next one, nor for longer than it is read.
  template <typename Sweep>
  void SweepTiles(const Sweep& sweep) const {
    ForTiles([&](const Tile& tile) {
      at::Tensor scores = FormScores(tile);
      const at::Tensor gradient = RoomForGradient(scores);
      sweep(scores, gradient, tile);
      scores.reset();
      AddGradients(gradient, tile);
    });
  }

  double* Numbers(ContrastNumber number) const { return ElementsOf<double>(operands_.numbers) + number * count_; }

  // A sweep over a block's rows, of any kind: where it reads scores, and leaves its gradient and the rows' losses.
  template <template <typename> typename Sweep>
  Sweep<T> RowSweep(const at::Tensor& scores, const at::Tensor& gradient, const Tile& tile) const {
    Sweep<T> sweep;
    sweep.block = BlockOf(scores, tile, gradient);
    sweep.losses = Numbers(kRowLoss);
    sweep.numbers = numbers_;
    return sweep;
  }

  void RunBlocks() {
    SweepTiles([&](const at::Tensor& scores, const at::Tensor& gradient, const Tile& tile) {
      auto sweep = RowSweep<MapSweep>(scores, gradient, tile);
      sweep.locations = problem_.line;
      sweep.normalizer = problem_.scale;
      sweep.clip = ClipOf<T>(problem_.clip);
      sweep.loss_weights = ElementsOf<double>(operands_.loss_weights);
      sweep.square_weights = ElementsOf<double>(operands_.square_weights);
      sweep.weight_factor = 1 / gradient_factor_;
      sweep.squares = Numbers(kSquares);
      target_.Run(sweep);
    });
  }

  void RunSteps() {
    const at::Tensor margins = at::empty({stack_, count_, problem_.steps}, wide_);
    SweepTiles([&](const at::Tensor& scores, const at::Tensor& gradient, const Tile& tile) {
      auto sweep = RowSweep<StepSweep>(scores, gradient, tile);
      sweep.steps = problem_.steps;
      sweep.line = problem_.line;
      sweep.shares = ElementsOf<double>(operands_.step_shares);
      sweep.margins = ElementsOf<double>(margins);
      target_.Run(sweep);
    });
  }

  void RunSigmoids() {
    SweepTiles([&](const at::Tensor& scores, const at::Tensor& gradient, const Tile& tile) {
      auto sweep = RowSweep<SigmoidSweep>(scores, gradient, tile);
      sweep.biases = ElementsOf<double>(operands_.bias);
      sweep.share = share_;
      sweep.slopes = Numbers(kBiasSlope);
      target_.Run(sweep);
    });
  }

  void RunLabels() {
    const at::Tensor counts = at::empty({stack_, count_}, wide_);
    LabelCounts count_sweep;
    count_sweep.group_count = stack_;
    count_sweep.rows = count_;
    count_sweep.labels = ElementsOf<int64_t>(operands_.labels);
    count_sweep.counts = ElementsOf<double>(counts);
    target_.Run(count_sweep);
    const at::Tensor shares = (counts > 0).sum(1).clamp_min_(1).to(at::kDouble).reciprocal_();  // [G]
    SweepTiles([&](const at::Tensor& scores, const at::Tensor& gradient, const Tile& tile) {
      auto sweep = RowSweep<LabelSweep>(scores, gradient, tile);
      sweep.labels = ElementsOf<int64_t>(operands_.labels);
      sweep.counts = ElementsOf<double>(counts);
      sweep.shares = ElementsOf<double>(shares);
      target_.Run(sweep);
    });
  }

  PairRule<T> RuleOf(const at::Tensor& similarities) const {
    PairRule<T> rule;
    rule.views = problem_.pairs == Pairs::kNextView ? count_ / 2 : 0;
    rule.excludes_self = problem_.symmetric();
    rule.similarities = ElementsOf<T>(similarities);
    rule.bounds = ElementsOf<T>(operands_.bounds);
    rule.share = share_;
    rule.smoothing = problem_.smoothing;
    rule.pair_in_denominator = problem_.pair_in_denominator;
    rule.pair_weights = ElementsOf<double>(operands_.pair_weights);
    return rule;
  }

  // Room for so many states of each group.
  template <typename State>
  at::Tensor RoomFor(int64_t count) const {
    return at::empty({stack_, count, static_cast<int64_t>(sizeof(State))}, wide_.dtype(at::kByte));
  }
  template <typename State>
  static State* StatesIn(const at::Tensor& room) {
    return reinterpret_cast<State*>(room.data_ptr<uint8_t>());
  }

  PairSweep<T> PairsOf(const at::Tensor& scores, const at::Tensor& similarities, const Tile& tile,
                       const at::Tensor& gradient, const at::Tensor& terms) const {
    auto sweep = RowSweep<PairSweep>(scores, gradient, tile);
    sweep.rule = RuleOf(similarities);
    sweep.terms = StatesIn<PairTerm<T>>(terms);
    sweep.right = Numbers(kRight);
    return sweep;
  }

  // A row's terms are known once the row was swept: the same sweep goes on with its gradient.
  void RunRows() {
    const at::Tensor terms = RoomFor<PairTerm<T>>(count_);
    SweepTiles([&](const at::Tensor& scores, const at::Tensor& gradient, const Tile& tile) {
      const at::Tensor similarities = FormSimilarities(tile);
      target_.Run(PairsOf(scores, similarities, tile, gradient, terms));
    });
  }

  // What rows and columns sum up, and the pairs' scores.
  struct BothSums {
    at::Tensor rows;
    at::Tensor columns;
    at::Tensor pair_scores;
  };

  void SumTile(const at::Tensor& scores, const at::Tensor& similarities, const Tile& tile, const BothSums& sums) const {
    auto parts = PairTileParts<T>::Of(tile.rows, tile.columns, tile.first_column, count_);
    const at::Tensor of_rows = RoomFor<PairSums<T>>(parts.row_states());
    const at::Tensor of_columns = RoomFor<PairSums<T>>(parts.column_states());
    parts.of_rows = StatesIn<PairSums<T>>(of_rows);
    parts.of_columns = StatesIn<PairSums<T>>(of_columns);
    PairTileSums<T> sweep;
    sweep.block = BlockOf(scores, tile, {});
    sweep.rule = RuleOf(similarities);
    sweep.parts = parts;
    sweep.pair_scores = ElementsOf<double>(sums.pair_scores);
    target_.Run(sweep);
    PairTileTotals<T> totals;
    totals.parts = parts;
    totals.group_count = stack_;
    totals.all_rows = count_;
    totals.first_row = tile.first_row;
    totals.first_column = tile.first_column;
    totals.of_rows = StatesIn<PairSums<T>>(sums.rows);
    totals.of_columns = StatesIn<PairSums<T>>(sums.columns);
    target_.Run(totals);
  }

  // The terms and losses of what is summed up.
  void FinishTerms(const at::Tensor& sums, const at::Tensor& pair_scores, const at::Tensor& terms,
                   ContrastNumber losses, double* right) const {
    PairTerms<T> finish;
    finish.rule = RuleOf({});
    finish.group_count = stack_;
    finish.all_rows = count_;
    finish.sums = StatesIn<PairSums<T>>(sums);
    finish.pair_scores = ElementsOf<double>(pair_scores);
    finish.terms = StatesIn<PairTerm<T>>(terms);
    finish.losses = Numbers(losses);
    finish.right = right;
    finish.numbers = numbers_;
    target_.Run(finish);
  }

  // The terms of rows and columns are known when all tiles were swept: the gradient comes after, from scores that are
  // formed again where they are more than a tile.
  void RunBothSides() {
    const at::Tensor terms = RoomFor<PairTerm<T>>(count_);
    const at::Tensor column_terms = RoomFor<PairTerm<T>>(count_);
    const BothSums sums = {RoomFor<PairSums<T>>(count_), RoomFor<PairSums<T>>(count_),
                           at::empty({stack_, count_}, wide_)};
    at::Tensor scores;
    at::Tensor similarities;
    const auto form = [&](const Tile& tile) {
      scores.reset();  // Before there are others.
      similarities.reset();
      scores = FormScores(tile);
      similarities = FormSimilarities(tile);
    };
    ForTiles([&](const Tile& tile) {
      form(tile);
      SumTile(scores, similarities, tile, sums);
    });
    FinishTerms(sums.rows, sums.pair_scores, terms, kRowLoss, Numbers(kRight));
    FinishTerms(sums.columns, sums.pair_scores, column_terms, kColumnLoss, nullptr);
    if (!WantsGradients()) return;
    const bool again = first_.rows < count_ || first_.columns < all_columns_;
    ForTiles([&](const Tile& tile) {
      if (again) form(tile);
      const at::Tensor gradient = RoomForGradient(scores);
      PairSweep<T> sweep = PairsOf(scores, similarities, tile, gradient, terms);
      sweep.sums = false;
      sweep.column_terms = StatesIn<PairTerm<T>>(column_terms);
      target_.Run(sweep);
      scores.reset();
      similarities.reset();
      AddGradients(gradient, tile);
    });
  }

  const ContrastProblem& problem_;
  const Groups groups_;
  const Target& target_;
  const ContrastOperands& operands_;
  const ContrastOperand& rows_;
  const ContrastOperand& columns_;
  const int64_t stack_;    // G
  const int64_t count_;    // Rows.
  const int64_t numbers_;  // From a group's numbers to the next one's, in rows of numbers.
  const int64_t all_columns_;
  const Tile first_;
  const double share_;  // Of a row's loss in the whole.
  const double gradient_factor_;
  const at::TensorOptions wide_;
};

}  // namespace

int64_t PairPartBytes(const ContrastProblem& problem, at::ScalarType type, const Tile& tile, int64_t rows) {
  if (!problem.both_sides || problem.term == Term::kSigmoid) return 0;
  int64_t bytes = 0;
  ForType(type, [&](auto zero) {
    using T = decltype(zero);
    const auto parts = PairTileParts<T>::Of(tile.rows, tile.columns, tile.first_column, rows);
    bytes = (parts.row_states() + parts.column_states()) * static_cast<int64_t>(sizeof(PairSums<T>));
  });
  return bytes;
}

Tile FirstTileOf(const ContrastProblem& problem, const Target& target, int64_t rows, int64_t columns) {
  if (problem.both_sides || problem.term == Term::kSigmoid) return target.FirstTile(rows, columns);
  return {0, target.BlockRows(rows, columns), 0, columns};
}

int64_t ContrastNumbers(const ContrastProblem& problem) {
  if (problem.pairs == Pairs::kBlocks) return 2;
  return problem.pairs == Pairs::kSteps ? problem.steps : 3;
}

void RunTerms(const ContrastProblem& problem, Groups groups, const Target& target, const ContrastOperands& operands) {
  ForType(operands.type, [&](auto zero) { Terms<decltype(zero)>(problem, groups, target, operands).Run(); });
}

}  // namespace lossd::aten
