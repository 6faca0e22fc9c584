// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/column_moments.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>

#include "core/engine/block_pairs.h"
#include "core/engine/rounding.h"
#include "core/engine/short_sums.h"
#include "core/engine/workspace.h"

namespace lossd {
namespace {

// Columns of a block, whose moments with another block's form a tile.
constexpr int64_t kBlock = 128;
// Columns of an iteration.
constexpr int64_t kRun = 32;
// Sums of squares between these have not lost any to the ends of what doubles hold.
constexpr double kLeastSquares = 1e-280;
constexpr double kMostSquares = 1e300;

// What is kept of every column of a view.
struct ColumnStatistics {
  double* means;
  double* remainders;  // What means of doubles are rounded by, which counts where columns are far from zero.
  double* deviations;  // sqrt(variance + eps)
  double* inverses;    // Of these, by which columns are multiplied; 0 of a constant column, 1 where they are not.
};

template <typename T>
struct Arrays {
  T* views[2];  // Columns centred, divided by their deviations where that is asked for. [N, D]
  ColumnStatistics columns[2];
  double* diagonal;     // c_dd - 1
  double* column_sums;  // Of the distance, or of what a block has of a term.
  double* block_sums;
  T* tiles;
};

int64_t Blocks(const MomentsProblem& problem) { return CeilDiv(problem.width, kBlock); }

template <typename T>
Arrays<T> LayOut(const MomentsProblem& problem, Workspace& workspace) {
  Arrays<T> arrays{};
  for (int view = 0; view < 2; ++view) {
    arrays.views[view] = workspace.Take<T>(problem.rows * problem.width);
    arrays.columns[view] = {workspace.Take<double>(problem.width),
                            std::is_same_v<T, double> ? workspace.Take<double>(problem.width) : nullptr,
                            workspace.Take<double>(problem.width), workspace.Take<double>(problem.width)};
  }
  arrays.diagonal = workspace.Take<double>(problem.width);
  arrays.column_sums = workspace.Take<double>(problem.width);
  arrays.block_sums = workspace.Take<double>(Blocks(problem));
  const int64_t side = std::min(problem.width, kBlock);
  arrays.tiles = workspace.Take<T>(std::min(kLanes, Blocks(problem)) * side * side);
  return arrays;
}

template <typename T>
class TileMoments {
 public:
  TileMoments(const MomentsProblem& problem, const MomentsOperands<T>& operands, BufferPool& pool,
              const std::atomic<bool>* cancelled, Parallel& parallel)
      : problem_(problem),
        operands_(operands),
        rows_(problem.rows),
        width_(problem.width),
        blocks_(Blocks(problem)),
        cancelled_(cancelled),
        parallel_(parallel) {
    Workspace size(nullptr);
    LayOut<T>(problem, size);
    workspace_ = pool.Allocate(static_cast<size_t>(size.bytes()));
    Workspace workspace(workspace_.data());
    arrays_ = LayOut<T>(problem, workspace);
  }

  MomentsResult Run() {
    ForColumns([&](int64_t first, int64_t count) { Centre(first, count); });
    MomentsResult result;
    problem_.cross ? AddCorrelation(result) : AddCovariances(result);
    result.values[0] = WeightedSum(problem_, result.values);
    if (IsCancelled()) return result;
    for (int view = 0; view < 2; ++view) {
      if (GradientOf(view) == nullptr) continue;
      ForColumns([&](int64_t first, int64_t count) {
        problem_.cross ? FinishCorrelation(view, first, count) : FinishCovariance(view, first, count);
      });
    }
    return result;
  }

 private:
  bool IsCancelled() const { return cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed); }
  T* GradientOf(int view) const { return operands_.gradients[static_cast<size_t>(view)]; }
  const T* ViewOf(int view) const { return operands_.views[static_cast<size_t>(view)]; }
  int64_t FirstOf(int64_t block) const { return block * kBlock; }
  int64_t CountOf(int64_t block) const { return std::min(kBlock, width_ - block * kBlock); }

  // Calls body(first, count) for runs of columns, in parallel.
  template <typename Body>
  void ForColumns(const Body& body) {
    parallel_.For(CeilDiv(width_, kRun), [&](int64_t i) { body(i * kRun, std::min(kRun, width_ - i * kRun)); });
  }

  void Centre(int64_t first, int64_t count) {
    for (int view = 0; view < 2; ++view) {
      const T* const z = ViewOf(view);
      double* const means = arrays_.columns[view].means;
      double* const deviations = arrays_.columns[view].deviations;
      std::fill_n(means + first, count, 0.0);
      std::fill_n(deviations + first, count, 0.0);
      ForRows(first, count, [&](int64_t i, int64_t d) { means[d] += static_cast<double>(z[i]); });
      for (int64_t d = first; d < first + count; ++d) means[d] /= static_cast<double>(rows_);
      if constexpr (std::is_same_v<T, double>) {
        double* const remainders = arrays_.columns[view].remainders;
        std::fill_n(remainders + first, count, 0.0);
        ForRows(first, count, [&](int64_t i, int64_t d) { remainders[d] += z[i] - means[d]; });
        for (int64_t d = first; d < first + count; ++d) remainders[d] /= static_cast<double>(rows_);
      }
      ForRows(first, count, [&](int64_t i, int64_t d) {
        const double centred = AroundMean(view, i, d);
        deviations[d] += centred * centred;
      });
      const auto samples = static_cast<double>(problem_.cross ? rows_ : rows_ - 1);
      for (int64_t d = first; d < first + count; ++d) {
        const bool held = deviations[d] > kLeastSquares && deviations[d] < kMostSquares;
        deviations[d] = held ? std::sqrt(deviations[d] / samples + problem_.eps) : FarDeviation(view, d, samples);
        arrays_.columns[view].inverses[d] = problem_.cross ? InverseOf(deviations[d]) : 1;
      }
      ForRows(first, count,
              [&](int64_t i, int64_t d) { arrays_.views[view][i] = static_cast<T>(Centred(view, i, d)); });
    }
    problem_.cross ? CorrelateDiagonal(first, count) : SumDistances(first, count);
  }

  // sqrt(variance + eps) of a column whose squares doubles do not hold, or hardly.
  double FarDeviation(int view, int64_t d, double samples) const {
    double largest = 0;
    for (int64_t n = 0; n < rows_; ++n) largest = std::max(largest, std::abs(AroundMean(view, n * width_ + d, d)));
    // Beside an eps, what small ones are does not matter.
    const int exponent = largest > 1 || problem_.eps == 0 ? ExponentOf(largest) : 0;
    double squares = 0;
    for (int64_t n = 0; n < rows_; ++n) {
      const double scaled = std::ldexp(AroundMean(view, n * width_ + d, d), -exponent);
      squares += scaled * scaled;
    }
    return std::ldexp(std::sqrt(squares / samples + std::ldexp(problem_.eps, -2 * exponent)), exponent);
  }
  static double InverseOf(double deviation) { return std::isnormal(deviation) ? 1 / deviation : 0; }
  static int ExponentOf(double value) { return value > 0 && std::isfinite(value) ? std::ilogb(value) : 0; }

  // Calls body(index of an element, its column).
  template <typename Body>
  void ForRows(int64_t first, int64_t count, const Body& body) const {
    for (int64_t n = 0; n < rows_; ++n) {
      for (int64_t d = first; d < first + count; ++d) body(n * width_ + d, d);
    }
  }

  double AroundMean(int view, int64_t i, int64_t d) const {
    const double centred = static_cast<double>(ViewOf(view)[i]) - arrays_.columns[view].means[d];
    return std::is_same_v<T, double> ? centred - arrays_.columns[view].remainders[d] : centred;
  }

  double Centred(int view, int64_t i, int64_t d) const {
    return AroundMean(view, i, d) * arrays_.columns[view].inverses[d];
  }

  void SumDistances(int64_t first, int64_t count) {
    std::fill_n(arrays_.column_sums + first, count, 0.0);
    ForRows(first, count, [&](int64_t i, int64_t d) {
      const double distance = static_cast<double>(ViewOf(0)[i]) - static_cast<double>(ViewOf(1)[i]);
      arrays_.column_sums[d] += distance * distance;
    });
  }

  // c_dd - 1 without its cancellation: the columns' mean squared distance, and what eps takes from their squares.
  void CorrelateDiagonal(int64_t first, int64_t count) {
    std::fill_n(arrays_.diagonal + first, count, 0.0);
    ForRows(first, count, [&](int64_t i, int64_t d) {
      const double distance = Centred(0, i, d) - Centred(1, i, d);
      arrays_.diagonal[d] += distance * distance;
    });
    for (int64_t d = first; d < first + count; ++d) {
      double missing = 0;
      for (const ColumnStatistics& columns : arrays_.columns) {
        const double deviation = columns.deviations[d];
        missing += deviation == 0 ? 1 : problem_.eps / deviation / deviation;
      }
      arrays_.diagonal[d] = -(arrays_.diagonal[d] / static_cast<double>(rows_) + missing) / 2;
    }
  }

  void AddCovariances(MomentsResult& result) {
    const auto width = static_cast<double>(width_);
    for (int64_t d = 0; d < width_; ++d) {
      result.values[1] += arrays_.column_sums[d] / (static_cast<double>(rows_) * width);
      for (const ColumnStatistics& columns : arrays_.columns) {
        const double missing = 1 - columns.deviations[d];
        if (!(missing <= 0)) result.values[2] += missing / (2 * width);
      }
    }
    for (int view = 0; view < 2; ++view) {
      std::fill_n(arrays_.block_sums, blocks_, 0.0);
      ForRounds(SymmetricPairs(blocks_), [&](BlockPair pair, T* tile) { AddCovariance(view, pair, tile); });
      for (int64_t b = 0; b < blocks_; ++b) result.values[3] += arrays_.block_sums[b] / width;
    }
  }

  void AddCovariance(int view, BlockPair pair, T* tile) {
    const bool itself = pair.rows == pair.columns;
    FormTile(view, view, pair, static_cast<T>(1 / static_cast<double>(rows_ - 1)), tile);
    if (itself) FillDiagonal(CountOf(pair.rows), tile);
    arrays_.block_sums[pair.rows] += (itself ? 1 : 2) * SumOfSquares(pair, tile);
    if (GradientOf(view) == nullptr || problem_.weights[2] == 0) return;
    AddProduct(view, pair.rows, view, pair.columns, MatrixView<T>::Transposed(tile, CountOf(pair.columns)), !itself);
    if (itself) return;
    AddProduct(view, pair.columns, view, pair.rows, MatrixView<T>::RowMajor(tile, CountOf(pair.columns)), true);
  }

  static void FillDiagonal(int64_t count, T* tile) {
    for (int64_t d = 0; d < count; ++d) tile[d * count + d] = 0;
  }

  void AddCorrelation(MomentsResult& result) {
    for (int view = 0; view < 2; ++view) {
      if (T* const gradient = GradientOf(view); gradient != nullptr) std::fill_n(gradient, rows_ * width_, T{0});
    }
    for (int64_t d = 0; d < width_; ++d) result.values[1] += arrays_.diagonal[d] * arrays_.diagonal[d];
    std::fill_n(arrays_.block_sums, blocks_, 0.0);
    ForRounds(RectangularPairs(blocks_, blocks_), [&](BlockPair pair, T* tile) { AddCorrelation(pair, tile); });
    for (int64_t b = 0; b < blocks_; ++b) result.values[2] += arrays_.block_sums[b];
  }

  void AddCorrelation(BlockPair pair, T* tile) {
    const int64_t rows = CountOf(pair.rows);
    const int64_t columns = CountOf(pair.columns);
    FormTile(0, 1, pair, static_cast<T>(1 / static_cast<double>(rows_)), tile);
    if (pair.rows == pair.columns) FillDiagonal(rows, tile);
    arrays_.block_sums[pair.rows] += SumOfSquares(pair, tile);
    const double off = 2 * problem_.weights[1];
    for (int64_t i = 0; i < rows * columns; ++i) {
      tile[i] = off == 0 ? T{0} : static_cast<T>(off * static_cast<double>(tile[i]));
    }
    if (pair.rows == pair.columns) {
      for (int64_t d = 0; d < rows; ++d) {
        tile[d * columns + d] = static_cast<T>(2 * problem_.weights[0] * arrays_.diagonal[FirstOf(pair.rows) + d]);
      }
    }
    if (GradientOf(0) != nullptr) {
      AddProduct(0, pair.rows, 1, pair.columns, MatrixView<T>::Transposed(tile, columns), true);
    }
    if (GradientOf(1) != nullptr) {
      AddProduct(1, pair.columns, 0, pair.rows, MatrixView<T>::RowMajor(tile, columns), true);
    }
  }

  template <typename Schedule, typename Body>
  void ForRounds(const Schedule& schedule, const Body& body) {
    const int64_t side = std::min(width_, kBlock);
    for (int64_t round = 0; round < schedule.rounds(); ++round) {
      const int64_t count = schedule.pairs(round);
      const int64_t lanes = LanesFor(count, parallel_.Width());
      parallel_.For(lanes, [&](int64_t lane) {
        for (int64_t i = lane; i < count && !IsCancelled(); i += lanes) {
          if (const auto pair = schedule.Pair(round, i)) body(*pair, arrays_.tiles + lane * side * side);
        }
      });
    }
  }

  // tile = factor * (columns of view `left`)^T (columns of view `right`)
  void FormTile(int left, int right, BlockPair pair, T factor, T* tile) const {
    MultiplyInShortSums(CountOf(pair.rows), CountOf(pair.columns), rows_, kShortSum, factor,
                        MatrixView<T>::Transposed(arrays_.views[left] + FirstOf(pair.rows), width_),
                        MatrixView<T>::RowMajor(arrays_.views[right] + FirstOf(pair.columns), width_), false, tile,
                        CountOf(pair.columns));
  }

  // Adds (columns of view `from`) * moments to the gradient of block `to` of view `view`.
  void AddProduct(int view, int64_t to, int from, int64_t block, MatrixView<T> moments, bool add) const {
    MultiplyInShortSums(rows_, CountOf(to), CountOf(block), kShortSum, T{1},
                        MatrixView<T>::RowMajor(arrays_.views[from] + FirstOf(block), width_), moments, add,
                        GradientOf(view) + FirstOf(to), width_);
  }

  double SumOfSquares(BlockPair pair, const T* tile) const {
    double sums[8] = {};
    const int64_t count = CountOf(pair.rows) * CountOf(pair.columns);
    for (int64_t i = 0; i < count; ++i) sums[i % 8] += static_cast<double>(tile[i]) * static_cast<double>(tile[i]);
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
  }

  // The gradient's columns hold the covariances' part without its factor.
  void FinishCovariance(int view, int64_t first, int64_t count) {
    const auto width = static_cast<double>(width_);
    const auto samples = static_cast<double>(rows_ - 1);
    const double covariance = 4 * problem_.weights[2] / (width * samples);
    const double distance = 2 * problem_.weights[0] / (static_cast<double>(rows_) * width);
    double hinges[kRun] = {};
    for (int64_t d = first; d < first + count; ++d) {
      const double deviation = arrays_.columns[view].deviations[d];
      if (!(deviation < 1 && deviation > 0)) continue;
      hinges[d - first] = -problem_.weights[1] / (2 * width * deviation * samples);
    }
    T* const gradient = GradientOf(view);
    const T* const own = ViewOf(view);
    const T* const other = ViewOf(1 - view);
    ForRows(first, count, [&](int64_t i, int64_t d) {
      double sum = problem_.weights[2] == 0 ? 0 : covariance * static_cast<double>(gradient[i]);
      if (problem_.weights[1] != 0) sum += hinges[d - first] * Centred(view, i, d);
      if (problem_.weights[0] != 0) sum += distance * (static_cast<double>(own[i]) - static_cast<double>(other[i]));
      gradient[i] = static_cast<T>(sum * operands_.weight);
    });
  }

  // The gradient's columns are those of the standardised columns, times N.
  void FinishCorrelation(int view, int64_t first, int64_t count) {
    T* const gradient = GradientOf(view);
    const auto rows = static_cast<double>(rows_);
    double means[kRun] = {};
    double alongs[kRun] = {};
    double factors[kRun] = {};
    ForRows(first, count, [&](int64_t i, int64_t d) {
      means[d - first] += static_cast<double>(gradient[i]) / rows;
      alongs[d - first] += static_cast<double>(gradient[i]) * Centred(view, i, d) / rows;
    });
    for (int64_t c = 0; c < count; ++c) {
      factors[c] = operands_.weight / rows * arrays_.columns[view].inverses[first + c];
    }
    ForRows(first, count, [&](int64_t i, int64_t d) {
      const int64_t c = d - first;
      gradient[i] =
          static_cast<T>((static_cast<double>(gradient[i]) - means[c] - Centred(view, i, d) * alongs[c]) * factors[c]);
    });
  }

  const MomentsProblem& problem_;
  const MomentsOperands<T>& operands_;
  const int64_t rows_;
  const int64_t width_;
  const int64_t blocks_;
  const std::atomic<bool>* const cancelled_;
  Parallel& parallel_;
  Buffer workspace_;
  Arrays<T> arrays_;
};

}  // namespace

bool GainsFromFloat64(const MomentsProblem& problem) {
  constexpr int64_t kElements = 32 * 32;
  return problem.rows <= kElements / problem.width;
}

double FlopsOf(const MomentsProblem& problem, int gradients) {
  constexpr double kSweeps = 40;  // Operations on an element and on a moment.
  const auto rows = static_cast<double>(problem.rows);
  const auto width = static_cast<double>(problem.width);
  const double products = 2 + 2 * gradients;
  return (products * rows + kSweeps) * width * width + kSweeps * rows * width;
}

double WeightedSum(const MomentsProblem& problem, const std::array<double, 4>& values) {
  double loss = 0;
  for (size_t term = 0; term < problem.terms(); ++term) {
    if (problem.weights[term] != 0) loss += problem.weights[term] * values[term + 1];
  }
  return loss;
}

template <typename T>
int64_t WorkspaceBytesOf(const MomentsProblem& problem) {
  Workspace workspace(nullptr);
  LayOut<T>(problem, workspace);
  return workspace.bytes();
}

template <typename T>
MomentsResult ComputeMoments(const MomentsProblem& problem, const MomentsOperands<T>& operands, BufferPool& pool,
                             const std::atomic<bool>* cancelled, Parallel& parallel) {
  return TileMoments<T>(problem, operands, pool, cancelled, parallel).Run();
}

template int64_t WorkspaceBytesOf<float>(const MomentsProblem& problem);
template int64_t WorkspaceBytesOf<double>(const MomentsProblem& problem);
template MomentsResult ComputeMoments(const MomentsProblem& problem, const MomentsOperands<float>& operands,
                                      BufferPool& pool, const std::atomic<bool>* cancelled, Parallel& parallel);
template MomentsResult ComputeMoments(const MomentsProblem& problem, const MomentsOperands<double>& operands,
                                      BufferPool& pool, const std::atomic<bool>* cancelled, Parallel& parallel);

}  // namespace lossd
