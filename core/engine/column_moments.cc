// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/column_moments.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>

#include "core/engine/block_pairs.h"
#include "core/engine/block_rounds.h"
#include "core/engine/column_sweeps.h"
#include "core/engine/far_columns.h"
#include "core/engine/rounding.h"
#include "core/engine/short_sums.h"
#include "core/engine/workspace.h"

namespace lossd {
namespace {

// Columns of a block, whose moments with another block's form a tile: many where that leaves enough blocks for threads.
constexpr int64_t kNarrowBlock = 128;
constexpr int64_t kWideBlock = 256;
constexpr int64_t kEnoughColumns = 4 * kWideBlock;
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
  double* inverses;    // Of these, 0 of a constant column.
};

// What takes a gradient back through the standardised columns: column_sweeps.h.
struct ProjectionArrays {
  double* means;
  double* alongs;
  double* factors;
};

template <typename T>
struct Arrays {
  T* views[2];  // Columns centred, divided by their deviations where that is asked for. [N, D]
  ColumnStatistics columns[2];
  double* diagonal;     // c_dd - 1
  double* column_sums;  // Of the distance.
  double* block_sums;
  double* hinges;
  ProjectionArrays projection;
  T* tiles;
};

int64_t BlockOf(const MomentsProblem& problem) {
  return problem.width < kEnoughColumns ? std::min(problem.width, kNarrowBlock) : kWideBlock;
}
int64_t Blocks(const MomentsProblem& problem) { return CeilDiv(problem.width, BlockOf(problem)); }

template <typename T>
Arrays<T> LayOut(const MomentsProblem& problem, Workspace& workspace) {
  Arrays<T> arrays{};
  for (int view = 0; view < 2; ++view) {
    arrays.views[view] = workspace.Take<T>(problem.rows * problem.width);
    arrays.columns[view] = {workspace.Take<double>(problem.width),
                            std::is_same_v<T, double> ? workspace.Take<double>(problem.width) : nullptr,
                            workspace.Take<double>(problem.width), workspace.Take<double>(problem.width)};
  }
  if (problem.cross) {
    arrays.diagonal = workspace.Take<double>(problem.width);
    arrays.projection = {workspace.Take<double>(problem.width), workspace.Take<double>(problem.width),
                         workspace.Take<double>(problem.width)};
  } else {
    arrays.column_sums = workspace.Take<double>(problem.width);
    arrays.hinges = workspace.Take<double>(problem.width);
  }
  arrays.block_sums = workspace.Take<double>(Blocks(problem));
  const int64_t block = BlockOf(problem);
  arrays.tiles = workspace.Take<T>(std::min(kLanes, Blocks(problem)) * block * block);
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
        block_(BlockOf(problem)),
        blocks_(Blocks(problem)),
        cancelled_(cancelled),
        parallel_(parallel),
        weight_factor_(FactorOfWeights(problem)) {
    Workspace size(nullptr);
    LayOut<T>(problem, size);
    workspace_ = pool.Allocate(static_cast<size_t>(size.bytes()));
    Workspace workspace(workspace_.data());
    arrays_ = LayOut<T>(problem, workspace);
  }

  MomentsResult Run() {
    ForColumns([&](int64_t first, int64_t count) { Centre(first, count); });
    for (int view = 0; view < 2 && !problem_.cross; ++view) BringNear(view);
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
  int64_t FirstOf(int64_t block) const { return block * block_; }
  int64_t CountOf(int64_t block) const { return std::min(block_, width_ - block * block_); }

  // Calls body(first, count) for runs of columns, in parallel.
  template <typename Body>
  void ForColumns(const Body& body) {
    parallel_.For(CeilDiv(width_, kRun), [&](int64_t i) { body(i * kRun, std::min(kRun, width_ - i * kRun)); });
  }

  ColumnRun RunOf(int64_t first, int64_t count) const { return {rows_, width_, first, count}; }
  // A view's columns, their means subtracted.
  CentredColumns<T> AroundMeans(int view) const {
    const ColumnStatistics& columns = arrays_.columns[view];
    return {ViewOf(view), columns.means, columns.remainders};
  }
  // As they are multiplied with each other.
  CentredColumns<T> Standardised(int view) const {
    CentredColumns<T> columns = AroundMeans(view);
    if (problem_.cross) columns.inverses = arrays_.columns[view].inverses;
    return columns;
  }

  void Centre(int64_t first, int64_t count) {
    const ColumnRun run = RunOf(first, count);
    const auto samples = static_cast<double>(problem_.cross ? rows_ : rows_ - 1);
    for (int view = 0; view < 2; ++view) {
      const ColumnStatistics& columns = arrays_.columns[view];
      FindMeans(run, {ViewOf(view)}, columns.means);
      for (int64_t d = first; d < first + count; ++d) {
        if (std::isinf(columns.means[d])) columns.means[d] = FarMean(ViewOf(view) + d, rows_, width_);
      }
      if (columns.remainders != nullptr) FindMeans(run, {ViewOf(view), columns.means}, columns.remainders);
      std::fill_n(columns.deviations + first, count, 0.0);
      AddSquaresToSums(run, AroundMeans(view), columns.deviations);
      for (int64_t d = first; d < first + count; ++d) {
        const double squares = columns.deviations[d];
        const bool held = squares > kLeastSquares && squares < kMostSquares;
        columns.deviations[d] = held ? std::sqrt(squares / samples + problem_.eps)
                                     : FarDeviation([&](int64_t n) { return AroundMean(view, n * width_ + d, d); },
                                                    rows_, samples, problem_.eps);
        columns.inverses[d] = InverseOf(columns.deviations[d]);
      }
      WriteColumns(run, Standardised(view), arrays_.views[view]);
    }
    problem_.cross ? CorrelateDiagonal(run) : SumDistances(run);
  }

  void FindMeans(const ColumnRun& run, const CentredColumns<T>& columns, double* means) const {
    std::fill_n(means + run.first, run.count, 0.0);
    AddToSums(run, columns, means);
    for (int64_t d = run.first; d < run.first + run.count; ++d) means[d] /= static_cast<double>(rows_);
  }

  // Scales columns whose covariances leave T's range. An eps may make deviations large where columns are not.
  void BringNear(int view) {
    const double* const deviations = arrays_.columns[view].deviations;
    if (!(*std::max_element(deviations, deviations + width_) > kFarColumns<T>[0].bound)) return;
    factors_[view] =
        WriteNear([&](int64_t i) { return AroundMean(view, i, i % width_); }, rows_ * width_, arrays_.views[view]);
  }
  static double InverseOf(double deviation) { return std::isnormal(deviation) ? 1 / deviation : 0; }
  double AroundMean(int view, int64_t i, int64_t d) const {
    const double centred = static_cast<double>(ViewOf(view)[i]) - arrays_.columns[view].means[d];
    return std::is_same_v<T, double> ? centred - arrays_.columns[view].remainders[d] : centred;
  }

  void SumDistances(const ColumnRun& run) {
    std::fill_n(arrays_.column_sums + run.first, run.count, 0.0);
    AddDistancesToSums(run, CentredColumns<T>{ViewOf(0)}, CentredColumns<T>{ViewOf(1)}, arrays_.column_sums);
  }

  // c_dd - 1 without its cancellation: the columns' mean squared distance, and what eps takes from their squares.
  void CorrelateDiagonal(const ColumnRun& run) {
    std::fill_n(arrays_.diagonal + run.first, run.count, 0.0);
    AddDistancesToSums(run, Standardised(0), Standardised(1), arrays_.diagonal);
    for (int64_t d = run.first; d < run.first + run.count; ++d) {
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
      ForPairs(SymmetricPairs(blocks_), [&](BlockPair pair, Lane lane) { AddCovariance(view, pair, lane); });
      const double factor = factors_[view];
      for (int64_t b = 0; b < blocks_; ++b) {
        result.values[3] += arrays_.block_sums[b] / width / factor / factor / factor / factor;
      }
    }
  }

  void AddCovariance(int view, BlockPair pair, Lane lane) {
    T* const tile = TileOf(lane);
    const bool itself = pair.rows == pair.columns;
    FormTile(lane, view, view, pair, static_cast<T>(1 / static_cast<double>(rows_ - 1)));
    if (itself) FillDiagonal(CountOf(pair.rows), tile);
    arrays_.block_sums[pair.rows] += (itself ? 1 : 2) * SumOfSquares(CountOf(pair.rows) * CountOf(pair.columns), tile);
    if (GradientOf(view) == nullptr || problem_.weights[2] == 0) return;
    AddProduct(lane, view, pair.rows, view, pair.columns, MatrixView<T>::Transposed(tile, CountOf(pair.columns)),
               !itself);
    if (itself) return;
    AddProduct(lane, view, pair.columns, view, pair.rows, MatrixView<T>::RowMajor(tile, CountOf(pair.columns)), true);
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
    ForPairs(RectangularPairs(blocks_, blocks_), [&](BlockPair pair, Lane lane) { AddCorrelation(pair, lane); });
    for (int64_t b = 0; b < blocks_; ++b) result.values[2] += arrays_.block_sums[b];
  }

  void AddCorrelation(BlockPair pair, Lane lane) {
    T* const tile = TileOf(lane);
    const int64_t rows = CountOf(pair.rows);
    const int64_t columns = CountOf(pair.columns);
    FormTile(lane, 0, 1, pair, static_cast<T>(1 / static_cast<double>(rows_)));
    if (pair.rows == pair.columns) FillDiagonal(rows, tile);
    arrays_.block_sums[pair.rows] += SumOfSquares(CountOf(pair.rows) * CountOf(pair.columns), tile);
    const double off = 2 * weight_factor_ * problem_.weights[1];
    for (int64_t i = 0; i < rows * columns; ++i) {
      tile[i] = off == 0 ? T{0} : static_cast<T>(off * static_cast<double>(tile[i]));
    }
    if (pair.rows == pair.columns) {
      for (int64_t d = 0; d < rows; ++d) {
        tile[d * columns + d] =
            static_cast<T>(2 * weight_factor_ * problem_.weights[0] * arrays_.diagonal[FirstOf(pair.rows) + d]);
      }
    }
    if (GradientOf(0) != nullptr) {
      AddProduct(lane, 0, pair.rows, 1, pair.columns, MatrixView<T>::Transposed(tile, columns), true);
    }
    if (GradientOf(1) != nullptr) {
      AddProduct(lane, 1, pair.columns, 0, pair.rows, MatrixView<T>::RowMajor(tile, columns), true);
    }
  }

  // Calls `body(pair, lane)` for all pairs.
  template <typename Schedule, typename Body>
  void ForPairs(const Schedule& schedule, const Body& body) {
    ForRounds(schedule, cancelled_, parallel_, body);
  }
  T* TileOf(Lane lane) const { return arrays_.tiles + lane.index * block_ * block_; }

  // tile = factor * (columns of view `left`)^T (columns of view `right`)
  void FormTile(Lane lane, int left, int right, BlockPair pair, T factor) const {
    MultiplyInStripes(lane, parallel_, CountOf(pair.rows), CountOf(pair.columns), rows_, factor,
                      MatrixView<T>::Transposed(arrays_.views[left] + FirstOf(pair.rows), width_),
                      MatrixView<T>::RowMajor(arrays_.views[right] + FirstOf(pair.columns), width_), false,
                      TileOf(lane), CountOf(pair.columns));
  }

  // Adds (columns of view `from`) * moments to the gradient of block `to` of view `view`.
  void AddProduct(Lane lane, int view, int64_t to, int from, int64_t block, MatrixView<T> moments, bool add) const {
    MultiplyInStripes(lane, parallel_, rows_, CountOf(to), CountOf(block), T{1},
                      MatrixView<T>::RowMajor(arrays_.views[from] + FirstOf(block), width_), moments, add,
                      GradientOf(view) + FirstOf(to), width_);
  }

  // The gradient's columns hold the covariances' part without its factor.
  void FinishCovariance(int view, int64_t first, int64_t count) {
    const auto width = static_cast<double>(width_);
    const auto samples = static_cast<double>(rows_ - 1);
    const double covariance = 4 * problem_.weights[2] / (width * samples);
    const double distance = 2 * problem_.weights[0] / (static_cast<double>(rows_) * width);
    double* const hinges = arrays_.hinges;
    for (int64_t d = first; d < first + count; ++d) {
      const double deviation = arrays_.columns[view].deviations[d];
      const bool held = deviation < 1 && deviation > 0;
      hinges[d] = held ? -problem_.weights[1] / (2 * width * deviation * samples) : 0;
    }
    if (factors_[view] != 1) return FinishFarCovariance(view, first, count, covariance, distance);
    FinishCovarianceGradient(RunOf(first, count), AroundMeans(view),
                             {problem_.weights[2] == 0 ? 0 : covariance, problem_.weights[1] == 0 ? nullptr : hinges,
                              distance, ViewOf(1 - view), operands_.weight},
                             GradientOf(view));
  }

  // Of columns that were scaled: doubles may hold the gradient and not what its sums are multiplied by.
  void FinishFarCovariance(int view, int64_t first, int64_t count, double covariance, double distance) {
    const double factor = factors_[view];
    T* const gradient = GradientOf(view);
    for (int64_t k = 0; k < rows_ * count; ++k) {
      const int64_t d = first + k % count;
      const int64_t i = k / count * width_ + d;
      double sum = covariance == 0 ? 0 : covariance * static_cast<double>(gradient[i]) / factor / factor / factor;
      if (arrays_.hinges[d] != 0) sum += arrays_.hinges[d] * AroundMean(view, i, d);
      const double apart = static_cast<double>(ViewOf(view)[i]) - static_cast<double>(ViewOf(1 - view)[i]);
      gradient[i] = static_cast<T>((distance == 0 ? sum : sum + distance * apart) * operands_.weight);
    }
  }

  // The gradient's columns are those of the standardised columns, times N.
  void FinishCorrelation(int view, int64_t first, int64_t count) {
    const ColumnRun run = RunOf(first, count);
    T* const gradient = GradientOf(view);
    const auto rows = static_cast<double>(rows_);
    const ProjectionArrays& arrays = arrays_.projection;
    FindMeans(run, {gradient}, arrays.means);
    std::fill_n(arrays.alongs + first, count, 0.0);
    AddProductsToSums(run, Standardised(view), gradient, arrays.alongs);
    for (int64_t d = first; d < first + count; ++d) {
      arrays.alongs[d] /= rows;
      arrays.factors[d] = operands_.weight / rows * arrays_.columns[view].inverses[d] / weight_factor_;
    }
    ProjectGradient(run, Standardised(view), {arrays.means, arrays.alongs, arrays.factors}, gradient);
  }

  const MomentsProblem& problem_;
  const MomentsOperands<T>& operands_;
  const int64_t rows_;
  const int64_t width_;
  const int64_t block_;
  const int64_t blocks_;
  const std::atomic<bool>* const cancelled_;
  Parallel& parallel_;
  Buffer workspace_;
  Arrays<T> arrays_;
  double factors_[2] = {1, 1};  // Of the views' columns, for covariances.
  const double weight_factor_;  // Of the weights, for correlations.
};

}  // namespace

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
