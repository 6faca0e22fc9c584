// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_setup.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>

#include "core/engine/block_rounds.h"
#include "core/engine/finite_cast.h"
#include "core/engine/rounding.h"
#include "core/engine/short_sums.h"

namespace lossd {
namespace {

using Pairs = ContrastProblem::Pairs;
using Term = ContrastProblem::Term;

absl::InlinedVector<RowBlock, 4> CutIntoBlocks(absl::Span<const ContrastPart> parts) {
  absl::InlinedVector<RowBlock, 4> blocks;
  int64_t place = 0;
  for (size_t part = 0; part < parts.size(); ++part) {
    for (int64_t first = 0; first < parts[part].count; first += kBlockRows) {
      const int64_t count = std::min(kBlockRows, parts[part].count - first);
      blocks.push_back({part, first, count, place});
      place += count;
    }
  }
  return blocks;
}

// Products of rows whose norms' product is 2^e with |e| at most this are far from the ends of T's range.
template <typename T>
constexpr int kPlainExponent = std::is_same_v<T, float> ? 80 : 900;

// Of the largest factor of products.
template <typename T>
constexpr int kMostExponent = std::is_same_v<T, float> ? 126 : 1022;

template <typename T>
bool WantsAny(const RowOperand<T>& operand) {
  return std::any_of(operand.parts().begin(), operand.parts().end(),
                     [](const RowPart<T>& part) { return part.gradient != nullptr; });
}

// Terms of a product that are summed in one go.
template <typename T>
int64_t RunOf(const RowOperand<T>& left, const RowOperand<T>& right) {
  return ShortSum(left.width(), left.rows() * right.rows());
}

template <typename T>
void ClearGradients(const RowOperand<T>& operand) {
  for (const RowPart<T>& part : operand.parts()) {
    if (part.gradient != nullptr) std::fill_n(part.gradient, part.count * operand.width(), T{0});
  }
}

int64_t BlocksOf(absl::Span<const ContrastPart> parts) {
  int64_t blocks = 0;
  for (const ContrastPart& part : parts) blocks += CeilDiv(part.count, kBlockRows);
  return blocks;
}

// Pairs that a round has at most.
int64_t LanesOf(const ContrastProblem& problem) { return std::min(kLanes, BlocksOf(problem.rows)); }

}  // namespace

int64_t TilesOfLane(const ContrastProblem& problem) {
  if (problem.exclusion.has_value() || problem.smoothing != 0) return 3;
  return problem.pairs == Pairs::kLabels ? 2 : 1;
}

int64_t TileElements(const ContrastProblem& problem) {
  return std::min(problem.row_count(), kBlockRows) * std::min(problem.column_count(), kBlockRows) + kSweepPadding;
}

template <typename T>
int64_t KeptTilesOf(const ContrastProblem& problem, bool gradients) {
  if (!gradients || problem.width < kLeastKeptWidth) return 0;
  if (problem.term != Term::kSoftmax || problem.pairs == Pairs::kLabels || problem.exclusion.has_value()) return 0;
  const int64_t rows = BlocksOf(problem.rows);
  if (rows < kLeastKeptBlocks) return 0;
  const int64_t tiles = problem.symmetric() ? rows * (rows + 1) / 2 : rows * BlocksOf(problem.columns);
  const int64_t vectors = problem.row_count() + (problem.symmetric() ? 0 : problem.column_count());
  const int64_t most =
      std::min(kKeptScoreBytes / static_cast<int64_t>(sizeof(T)), kMostKeptScores * vectors * problem.width);
  return tiles <= most / (TileElements(problem) - kSweepPadding) ? tiles : 0;
}

int64_t ScratchElements(const ContrastProblem& problem) {
  const int64_t scaled = problem.normalize ? 0 : kScratchElements;
  return problem.width > kLongSum ? std::max(scaled, TileElements(problem)) : scaled;
}

template <typename T>
ContrastArrays<T> LayOutContrast(const ContrastProblem& problem, bool gradients, Workspace& workspace) {
  const int64_t rows = problem.row_count();
  ContrastArrays<T> arrays{};
  const int64_t kept = KeptTilesOf<T>(problem, gradients);
  if (kept > 0) arrays.kept = workspace.Take<T>(kept * TileElements(problem));
  if (kept == 0 || TilesOfLane(problem) > 1) {
    arrays.tiles = workspace.Take<T>(LanesOf(problem) * TilesOfLane(problem) * TileElements(problem));
  }
  if (const int64_t scratch = ScratchElements(problem); scratch > 0) {
    arrays.scratch = workspace.Take<T>(LanesOf(problem) * scratch);
  }
  if (problem.term == Term::kSigmoid) {
    arrays.sigmoids = {workspace.Take<double>(rows), workspace.Take<double>(rows)};
    return arrays;
  }
  arrays.rows = LayOutSide<T>(problem, rows, workspace);
  if (problem.symmetric()) arrays.columns = arrays.rows;
  if (problem.both_sides) arrays.columns = LayOutSide<T>(problem, rows, workspace);
  if (problem.exclusion.has_value()) arrays.bounds = workspace.Take<T>(rows + kSweepPadding);
  if (problem.weight_sigma.has_value()) arrays.similarities = workspace.Take<double>(rows);
  using Label = std::remove_pointer_t<decltype(arrays.labels)>;
  if (problem.pairs == Pairs::kLabels) arrays.labels = workspace.Take<Label>(rows);
  return arrays;
}

template <typename T>
ContrastSetup<T>::ContrastSetup(const ContrastProblem& problem, const ContrastOperands<T>& operands)
    : problem_(problem),
      operands_(operands),
      symmetric_(problem.symmetric()),
      rows_(operands.rows, problem.width, problem.normalize),
      columns_(operands.columns, problem.width, problem.normalize),
      guide_rows_(operands.guide_rows, problem.exclusion ? problem.exclusion->width : 0, true),
      guide_columns_(operands.guide_columns, problem.exclusion ? problem.exclusion->width : 0, true),
      row_blocks_(CutIntoBlocks(problem.rows)),
      column_blocks_(CutIntoBlocks(problem.columns)) {}

template <typename T>
bool ContrastSetup<T>::WantsGradients() const {
  return WantsAny(rows_) || WantsAny(columns_);
}

template <typename T>
double ContrastSetup<T>::GradientFactor() const {
  return FiniteCast<double>(operands_.weight * operands_.scale);
}

template <typename T>
void ContrastSetup<T>::Prepare(BufferPool& pool, Parallel& parallel) {
  Workspace size(nullptr);
  LayOutContrast<T>(problem_, WantsGradients(), size);
  workspace_ = pool.Allocate(static_cast<size_t>(size.bytes()));
  Workspace workspace(workspace_.data());
  arrays_ = LayOutContrast<T>(problem_, WantsGradients(), workspace);
  rows_.Prepare(pool, parallel);
  if (!problem_.symmetric()) columns_.Prepare(pool, parallel);
  if (operands_.scale_gradient != nullptr) rows_.KeepGradients(pool);
  PrepareFactors();
  if (problem_.term == Term::kSigmoid) {
    std::fill_n(arrays_.sigmoids.losses, problem_.row_count(), 0.0);
    std::fill_n(arrays_.sigmoids.gradients, problem_.row_count(), 0.0);
  } else {
    ClearSide(arrays_.rows);
    if (problem_.both_sides) ClearSide(arrays_.columns);
  }
  if (problem_.pairs == Pairs::kLabels) NumberLabels();
  if (problem_.weight_sigma.has_value()) WeighAllPairs();
  if (problem_.exclusion.has_value()) FindBounds(pool, parallel);
  // Rows that meet themselves set their gradients when they do.
  if (!problem_.symmetric()) ClearGradients(rows_);
  if (!problem_.symmetric()) ClearGradients(columns_);
}

// 0 where products and their factor are far from the ends of T's range; else what brings the products near 1, as far as
// the rows stay within the range, and the factor with them.
template <typename T>
int ContrastSetup<T>::ScoreExponent() const {
  constexpr int kReach = kMostExponent<T> / 2;
  if (problem_.normalize || operands_.scale == 0) return 0;
  const int rows = rows_.exponent();
  const int exponents = rows + columns().exponent();
  const int scale = std::ilogb(operands_.scale);
  if (std::abs(exponents) <= kPlainExponent<T> && std::abs(scale) <= kPlainExponent<T>) return 0;
  return std::clamp(std::min(exponents, kMostExponent<T> - scale), rows - kReach, rows + kReach);
}

// Where sums need no more than a factor in the end, the products apply it.
template <typename T>
void ContrastSetup<T>::PrepareFactors() {
  score_exponent_ = ScoreExponent();
  const double most = std::ldexp(1.0, kMostExponent<T>);
  const double whole = FiniteCast<double>(std::ldexp(operands_.scale, score_exponent_));
  const double held = std::clamp(whole, -most, most);
  score_factor_ = static_cast<T>(held);
  if (held != whole) score_rest_ = FiniteCast<T>(whole / held);
  const double factor = GradientFactor();
  const bool plain = factor == 0 || (std::abs(factor) > 1e-18 && std::abs(factor) < 1e18);
  factor_at_once_ = plain && score_exponent_ == 0 && !problem_.normalize && problem_.scale_input < 0;
  gradient_factor_ = factor_at_once_ ? static_cast<T>(factor) : T{1};
}

template <typename T>
void ContrastSetup<T>::NumberLabels() {
  std::vector<int64_t> known = operands_.labels;
  std::sort(known.begin(), known.end());
  for (size_t i = 0; i < operands_.labels.size(); ++i) {
    const auto [first, last] = std::equal_range(known.begin(), known.end(), operands_.labels[i]);
    using Label = std::remove_reference_t<decltype(arrays_.labels[0])>;
    arrays_.labels[i] = static_cast<Label>(first - known.begin());
    arrays_.rows.positives[i] = last - first - 1;
  }
}

// Rows and columns of the pairs: of row i of the first part.
template <typename T>
void ContrastSetup<T>::WeighAllPairs() {
  const int64_t rows = problem_.rows[0].count;
  const bool views = problem_.pairs == Pairs::kNextView;
  const T* other = views ? rows_.prepared(1) : columns().prepared(0);
  for (int64_t i = 0; i < rows; ++i) {
    double sum = 0;
    for (int64_t c = 0; c < problem_.width; ++c) {
      sum += static_cast<double>(rows_.prepared(0)[i * problem_.width + c]) *
             static_cast<double>(other[i * problem_.width + c]);
    }
    arrays_.similarities[i] = sum;
    if (views) arrays_.similarities[rows + i] = sum;
  }
  WeighPairs(arrays_.rows, arrays_.similarities, views ? 2 : 1, *problem_.weight_sigma);
}

// By the products that form similarities, so that equal rows have equal bits.
template <typename T>
void ContrastSetup<T>::FindBounds(BufferPool& pool, Parallel& parallel) {
  constexpr int64_t kStep = 16;
  guide_rows_.Prepare(pool, parallel);
  guide_columns_.Prepare(pool, parallel);
  const ContrastExclusion& rule = *problem_.exclusion;
  const int64_t rows = problem_.row_count();
  parallel.For(CeilDiv(rows, kStep), [&](int64_t chunk) {
    T tile[kStep * kStep];
    const int64_t first = chunk * kStep;
    const int64_t count = std::min(kStep, rows - first);
    MultiplyInShortSums(count, count, rule.width, RunOf(guide_rows_, guide_columns_), T{1},
                        MatrixView<T>::RowMajor(guide_rows_.prepared(0) + first * rule.width, rule.width),
                        MatrixView<T>::Transposed(guide_columns_.prepared(0) + first * rule.width, rule.width), false,
                        tile, count);
    for (int64_t r = 0; r < count; ++r) {
      const auto similarity = static_cast<double>(tile[r * count + r]);
      arrays_.bounds[first + r] = static_cast<T>(similarity - rule.margin * (rule.relative ? std::abs(similarity) : 1));
    }
  });
}

template <typename T>
void ContrastSetup<T>::FinishGradients(double bias_gradient, Parallel& parallel) {
  if (!factor_at_once_) {
    const double factor = GradientFactor();
    const double along = rows_.FinishGradients(factor, parallel);
    if (!problem_.symmetric()) columns_.FinishGradients(factor, parallel);
    if (operands_.scale_gradient != nullptr) {
      *operands_.scale_gradient = static_cast<T>(along * operands_.weight);
    }
  }
  // A softmax does not depend on what is added to all scores.
  if (operands_.bias_gradient != nullptr) *operands_.bias_gradient = static_cast<T>(bias_gradient * operands_.weight);
}

template <typename T>
void FormProducts(T factor, int exponent, const RowOperand<T>& left, const RowBlock& rows, const RowOperand<T>& right,
                  const RowBlock& columns, T* scratch, T* c) {
  const int64_t width = left.width();
  const auto a = MatrixView<T>::RowMajor(left.prepared(rows.part) + rows.first * width, width);
  const auto b = MatrixView<T>::Transposed(right.prepared(columns.part) + columns.first * width, width);
  if (exponent == 0 && width > kLongSum && scratch != nullptr) {
    MultiplyInGroups(rows.count, columns.count, width, RunOf(left, right), factor, a, b, scratch, c);
  } else if (exponent == 0) {
    MultiplyInShortSums(rows.count, columns.count, width, RunOf(left, right), factor, a, b, false, c, columns.count);
  } else {
    MultiplyScaledInShortSums(rows.count, columns.count, width, factor, a, exponent, b, scratch, c, columns.count);
  }
}

template int64_t KeptTilesOf<float>(const ContrastProblem& problem, bool gradients);
template int64_t KeptTilesOf<double>(const ContrastProblem& problem, bool gradients);
template ContrastArrays<float> LayOutContrast(const ContrastProblem& problem, bool gradients, Workspace& workspace);
template ContrastArrays<double> LayOutContrast(const ContrastProblem& problem, bool gradients, Workspace& workspace);
template class ContrastSetup<float>;
template class ContrastSetup<double>;
template void FormProducts(float factor, int exponent, const RowOperand<float>& left, const RowBlock& rows,
                           const RowOperand<float>& right, const RowBlock& columns, float* scratch, float* c);
template void FormProducts(double factor, int exponent, const RowOperand<double>& left, const RowBlock& rows,
                           const RowOperand<double>& right, const RowBlock& columns, double* scratch, double* c);

}  // namespace lossd
