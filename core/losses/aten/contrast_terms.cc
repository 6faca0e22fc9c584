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
        block_rows_(target.BlockRows(count_, columns_.vectors.size(1))),
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
  // Calls body(first, count) for blocks of rows.
  template <typename Body>
  void ForBlocks(const Body& body) const {
    for (int64_t first = 0; first < count_ && !AllCancelled(groups_); first += block_rows_) {
      body(first, std::min(block_rows_, count_ - first));
    }
  }

  bool WantsGradients() const { return rows_.gradient.defined() || columns_.gradient.defined(); }

  // [G, count, columns]
  at::Tensor FormScores(int64_t first, int64_t count) const {
    return Multiply(target_, rows_.vectors.narrow(1, first, count), columns_.vectors.transpose(1, 2));
  }
  at::Tensor FormSimilarities(int64_t first, int64_t count) const {
    if (!operands_.bounds.defined()) return {};
    return at::bmm(operands_.guide_rows.narrow(1, first, count), operands_.guide_columns.transpose(1, 2));
  }

  // What the gradient by `scores` is written to: their place, or a new one where products read it rounded. Undefined
  // where nobody wants it.
  at::Tensor RoomForGradient(const at::Tensor& scores) const {
    if (!WantsGradients()) return {};
    const at::ScalarType type = OperandType(target_, scores.scalar_type());
    return type == scores.scalar_type() ? scores : at::empty(scores.sizes(), scores.options().dtype(type));
  }

  // Scores of rows from `first` on; `gradient` is undefined where it is not to be written.
  ScoreBlock<T> BlockOf(const at::Tensor& scores, int64_t first, const at::Tensor& gradient) const {
    ScoreBlock<T> block;
    block.scores = ElementsOf<T>(scores);
    if (gradient.defined()) block.gradient = DestinationIn<T>(gradient);
    block.groups = stack_;
    block.rows = scores.size(1);
    block.columns = scores.size(2);
    block.first_row = first;
    block.all_rows = count_;
    block.scale = ProductOf({operands_.scale, rows_.factor, columns_.factor});
    return block;
  }

  void AddGradients(const at::Tensor& gradient, int64_t first) const {
    if (!gradient.defined()) return;
    const int64_t count = gradient.size(1);
    if (rows_.gradient.defined()) {
      AddProduct(target_, rows_.gradient.narrow(1, first, count), gradient, columns_.vectors, gradient_factor_);
    }
    if (columns_.gradient.defined()) {
      AddProduct(target_, columns_.gradient, gradient.transpose(1, 2), rows_.vectors.narrow(1, first, count),
                 gradient_factor_);
    }
  }

  // Calls sweep(scores, gradient, first) for blocks of rows, and adds what it has left in `gradient`. No block of
  // scores is held beside the next one, nor for longer than it is read.
  template <typename Sweep>
  void SweepBlocks(const Sweep& sweep) const {
    ForBlocks([&](int64_t first, int64_t count) {
      at::Tensor scores = FormScores(first, count);
      const at::Tensor gradient = RoomForGradient(scores);
      sweep(scores, gradient, first);
      scores.reset();
      AddGradients(gradient, first);
    });
  }

  double* Numbers(ContrastNumber number) const { return ElementsOf<double>(operands_.numbers) + number * count_; }

  // A sweep over a block's rows, of any kind: where it reads scores, and leaves its gradient and the rows' losses.
  template <template <typename> typename Sweep>
  Sweep<T> RowSweep(const at::Tensor& scores, const at::Tensor& gradient, int64_t first) const {
    Sweep<T> sweep;
    sweep.block = BlockOf(scores, first, gradient);
    sweep.losses = Numbers(kRowLoss);
    sweep.numbers = numbers_;
    return sweep;
  }

  void RunBlocks() {
    SweepBlocks([&](const at::Tensor& scores, const at::Tensor& gradient, int64_t first) {
      auto sweep = RowSweep<MapSweep>(scores, gradient, first);
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
    SweepBlocks([&](const at::Tensor& scores, const at::Tensor& gradient, int64_t first) {
      auto sweep = RowSweep<StepSweep>(scores, gradient, first);
      sweep.steps = problem_.steps;
      sweep.line = problem_.line;
      sweep.shares = ElementsOf<double>(operands_.step_shares);
      sweep.margins = ElementsOf<double>(margins);
      target_.Run(sweep);
    });
  }

  void RunSigmoids() {
    SweepBlocks([&](const at::Tensor& scores, const at::Tensor& gradient, int64_t first) {
      auto sweep = RowSweep<SigmoidSweep>(scores, gradient, first);
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
    SweepBlocks([&](const at::Tensor& scores, const at::Tensor& gradient, int64_t first) {
      auto sweep = RowSweep<LabelSweep>(scores, gradient, first);
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

  // Room for terms of rows or columns.
  template <typename State>
  at::Tensor RoomFor() const {
    return at::empty({stack_, count_, static_cast<int64_t>(sizeof(State))}, wide_.dtype(at::kByte));
  }
  template <typename State>
  static State* StatesIn(const at::Tensor& room) {
    return reinterpret_cast<State*>(room.data_ptr<uint8_t>());
  }

  PairSweep<T> PairsOf(const at::Tensor& scores, const at::Tensor& similarities, int64_t first,
                       const at::Tensor& gradient, const at::Tensor& terms) const {
    auto sweep = RowSweep<PairSweep>(scores, gradient, first);
    sweep.rule = RuleOf(similarities);
    sweep.terms = StatesIn<PairTerm<T>>(terms);
    sweep.right = Numbers(kRight);
    return sweep;
  }

  // A row's terms are known once the row was swept: the same sweep goes on with its gradient.
  void RunRows() {
    const at::Tensor terms = RoomFor<PairTerm<T>>();
    SweepBlocks([&](const at::Tensor& scores, const at::Tensor& gradient, int64_t first) {
      const at::Tensor similarities = FormSimilarities(first, scores.size(1));
      target_.Run(PairsOf(scores, similarities, first, gradient, terms));
    });
  }

  // A column's terms are known when all rows were swept: the gradient comes after, from scores that are formed again
  // where one block does not hold them all.
  void RunBothSides() {
    const at::Tensor terms = RoomFor<PairTerm<T>>();
    const at::Tensor column_terms = RoomFor<PairTerm<T>>();
    const at::Tensor column_sums = RoomFor<PairSums<T>>();
    const at::Tensor picked = at::empty({stack_, count_}, wide_);
    at::Tensor scores;
    at::Tensor similarities;
    const auto form = [&](int64_t first, int64_t count) {
      scores.reset();  // Before there are others.
      similarities.reset();
      scores = FormScores(first, count);
      similarities = FormSimilarities(first, count);
    };
    ForBlocks([&](int64_t first, int64_t count) {
      form(first, count);
      PairSweep<T> sweep = PairsOf(scores, similarities, first, {}, terms);
      sweep.picked = ElementsOf<double>(picked);
      target_.Run(sweep);
      PairColumnSums<T> sums;
      sums.block = sweep.block;
      sums.rule = sweep.rule;
      sums.sums = StatesIn<PairSums<T>>(column_sums);
      target_.Run(sums);
    });
    PairColumnTerms<T> columns;
    columns.rule = RuleOf({});
    columns.group_count = stack_;
    columns.all_rows = count_;
    columns.sums = StatesIn<PairSums<T>>(column_sums);
    columns.picked = ElementsOf<double>(picked);
    columns.terms = StatesIn<PairTerm<T>>(column_terms);
    columns.losses = Numbers(kColumnLoss);
    columns.numbers = numbers_;
    target_.Run(columns);
    if (!WantsGradients()) return;
    ForBlocks([&](int64_t first, int64_t count) {
      if (count < count_) form(first, count);
      const at::Tensor gradient = RoomForGradient(scores);
      PairSweep<T> sweep = PairsOf(scores, similarities, first, gradient, terms);
      sweep.sums = false;
      sweep.column_terms = StatesIn<PairTerm<T>>(column_terms);
      target_.Run(sweep);
      scores.reset();
      similarities.reset();
      AddGradients(gradient, first);
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
  const int64_t block_rows_;
  const double share_;  // Of a row's loss in the whole.
  const double gradient_factor_;
  const at::TensorOptions wide_;
};

}  // namespace

int64_t ContrastNumbers(const ContrastProblem& problem) {
  if (problem.pairs == Pairs::kBlocks) return 2;
  return problem.pairs == Pairs::kSteps ? problem.steps : 3;
}

void RunTerms(const ContrastProblem& problem, Groups groups, const Target& target, const ContrastOperands& operands) {
  ForType(operands.type, [&](auto zero) { Terms<decltype(zero)>(problem, groups, target, operands).Run(); });
}

}  // namespace lossd::aten
