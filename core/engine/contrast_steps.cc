// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_steps.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>

#include "core/engine/finite_cast.h"
#include "core/engine/gemm.h"
#include "core/engine/rounding.h"
#include "core/engine/row_exponentials.h"
#include "core/engine/row_tiles.h"
#include "core/engine/short_sums.h"

namespace lossd {
namespace {

constexpr int64_t kChunkRows = 32;                     // Rows of an iteration.
constexpr int64_t kPackedColumns = 8 * kPanelColumns;  // Columns packed in an iteration.
constexpr int64_t kWaveScores = int64_t{1} << 20;      // Scores held at a time, unless one chunk has more.

// Rows of a wave, a multiple of kChunkRows.
int64_t WaveRows(const StepContrastShape& shape) {
  const int64_t fitting = std::max(kWaveScores / shape.columns() / kChunkRows * kChunkRows, kChunkRows);
  return std::min(fitting, RoundedUp(shape.rows(), kChunkRows));
}

// Memory of one chunk's iteration, [steps] each.
struct ChunkMemory {
  double* sums;          // Of the steps' terms over the rows.
  double* shifted;       // score - the row's largest.
  double* exponentials;  // exp(shifted).
  double* tails;         // Sum of exponentials over the later steps.
};

template <typename T>
ChunkMemory ChunkMemoryOf(const StepContrastShape& shape, const StepOperands<T>& contrast, int64_t chunk) {
  const int64_t steps = shape.steps;
  double* first = contrast.memory.chunk_sums + chunk * 4 * steps;
  return {first, first + steps, first + 2 * steps, first + 3 * steps};
}

// Takes the scores of positives out of the row, as exponentials. Returns their sum.
template <typename T>
double TakePositives(const StepContrastShape& shape, int64_t row, double maximum, T* scores, ChunkMemory& memory) {
  double sum = 0;
  for (int64_t i = shape.steps_of(row); i > 0; --i) {
    T& score = scores[shape.positive(row, i)];
    memory.shifted[i - 1] = static_cast<double>(score) - maximum;
    memory.exponentials[i - 1] = std::exp(memory.shifted[i - 1]);
    memory.tails[i - 1] = sum;
    sum += memory.exponentials[i - 1];
    score = -std::numeric_limits<T>::infinity();
  }
  return sum;
}

// LSE - score of a positive, from score - maximum, its exponential, and the sum of the other exponentials.
double TermOf(double shifted, double positive, double others) {
  return positive > others ? std::log1p(others / positive) : std::log(positive + others) - shifted;
}

// Turns a row of scores into the gradient with respect to them, and adds the steps' terms to the chunk's sums.
template <typename T>
void ScoreRow(const StepContrastShape& shape, const StepOperands<T>& contrast, int64_t row, bool gradient, T* scores,
              ChunkMemory& memory) {
  const int64_t steps = shape.steps_of(row);
  const T maximum = MaxOfRow(scores, shape.columns());
  const auto high = static_cast<double>(maximum);
  const double positives = TakePositives(shape, row, high, scores, memory);
  const double others = ExponentiateRow(scores, shape.columns(), maximum);
  const double total = others + positives;
  const double factor = contrast.memory.line_factors[shape.line_of(row)];
  if (gradient) ScaleRow(scores, shape.columns(), static_cast<T>(factor / total));
  double heads = others;
  for (int64_t i = 1; i <= steps; ++i) {
    const double positive = memory.exponentials[i - 1];
    const double rest = heads + memory.tails[i - 1];
    heads += positive;
    memory.sums[i - 1] += TermOf(memory.shifted[i - 1], positive, rest);
    if (!gradient) continue;
    const double step = contrast.memory.step_factors[i - 1];
    scores[shape.positive(row, i)] = static_cast<T>(((factor - step) * positive - step * rest) / total);
  }
}

// Packs the columns, item by item, as they are needed in every chunk of rows.
template <typename T>
void PackItem(const StepContrastShape& shape, const StepOperands<T>& contrast, int64_t item) {
  const int64_t columns = shape.columns();
  const int64_t first = item * kPackedColumns;
  if (first < columns) {
    for (int64_t c = 0; c < shape.width; c += kShortSum) {
      PackColumns(std::min(kShortSum, shape.width - c), columns,
                  MatrixView<T>::Transposed(contrast.columns + c, shape.width), first,
                  std::min(first + kPackedColumns, columns),
                  contrast.memory.score_columns + PackedColumnsSize(c, columns), contrast.precision);
    }
  } else if (contrast.row_gradient != nullptr) {
    PackColumns(columns, shape.width, MatrixView<T>::RowMajor(contrast.columns, shape.width), 0, shape.width,
                contrast.memory.gradient_columns, contrast.precision);
  }
}

// Rows [first, first + count) of a wave that starts at row `wave`.
template <typename T>
void ScoreChunk(const StepContrastShape& shape, const StepOperands<T>& contrast, int64_t wave, RowTile chunk) {
  const int64_t columns = shape.columns();
  const int64_t width = shape.width;
  const bool gradient = contrast.row_gradient != nullptr || contrast.column_gradient != nullptr;
  T* scores = contrast.memory.scores + chunk.first * columns;
  const T scale = FiniteCast<T>(contrast.scale);
  const int64_t row = wave + chunk.first;
  // In short sums: vectors may be far from orthogonal.
  for (int64_t c = 0; c < width; c += kShortSum) {
    const int64_t count = std::min(kShortSum, width - c);
    const T* const packed = contrast.memory.score_columns + PackedColumnsSize(c, columns);
    Gemm(chunk.count, columns, count, scale, MatrixView<T>::RowMajor(contrast.rows + row * width + c, width),
         PackedColumns<T>{packed, count, columns, 0, columns}, c > 0, BlockedResult<T>(scores, columns),
         contrast.precision);
  }
  ChunkMemory memory = ChunkMemoryOf(shape, contrast, chunk.first / kChunkRows);
  for (int64_t i = 0; i < chunk.count; ++i) {
    ScoreRow(shape, contrast, row + i, gradient, scores + i * columns, memory);
  }
  if (contrast.row_gradient == nullptr) return;
  Gemm(chunk.count, width, columns, scale, MatrixView<T>::RowMajor(scores, columns),
       PackedColumns<T>{contrast.memory.gradient_columns, columns, width, 0, width}, false,
       BlockedResult<T>(contrast.row_gradient + row * width, width), contrast.precision);
}

template <typename T>
void PackWave(const StepContrastShape& shape, const StepOperands<T>& contrast, RowTile wave) {
  if (contrast.column_gradient == nullptr) return;
  PackColumns(wave.count, shape.width, MatrixView<T>::RowMajor(contrast.rows + wave.first * shape.width, shape.width),
              0, shape.width, contrast.memory.wave_columns, contrast.precision);
}

// column_gradient[tile] (+)= scale D^T rows, over a wave's rows.
template <typename T>
void AddColumnGradient(const StepContrastShape& shape, const StepOperands<T>& contrast, RowTile wave, RowTile tile) {
  Gemm(tile.count, shape.width, wave.count, FiniteCast<T>(contrast.scale),
       MatrixView<T>::Transposed(contrast.memory.scores + tile.first, shape.columns()),
       PackedColumns<T>{contrast.memory.wave_columns, wave.count, shape.width, 0, shape.width}, wave.first > 0,
       BlockedResult<T>(contrast.column_gradient + tile.first * shape.width, shape.width), contrast.precision);
}

template <typename T>
void FillFactors(const StepContrastShape& shape, const StepOperands<T>& contrast) {
  const int64_t steps = shape.steps;
  double sum = 0;
  for (int64_t i = 1; i <= steps; ++i) {
    const double factor =
        contrast.step_weights[static_cast<size_t>(i - 1)] / static_cast<double>(shape.rows_of_step(i));
    sum += factor;
    contrast.memory.step_factors[i - 1] = factor;
    contrast.memory.line_factors[steps - i] = sum;  // Line r has the steps 1 .. steps - r.
    contrast.step_losses[i - 1] = 0;
  }
}

template <typename T>
void RunWave(const StepContrastShape& shape, absl::Span<const StepOperands<T>> contrasts, RowTile wave,
             Parallel& parallel) {
  const int64_t chunks = CeilDiv(wave.count, kChunkRows);
  ForItems(contrasts, chunks + 1, parallel, [&](const StepOperands<T>& contrast, int64_t index) {
    if (index == chunks) return PackWave(shape, contrast, wave);
    std::fill_n(ChunkMemoryOf(shape, contrast, index).sums, shape.steps, 0.0);
    const int64_t first = index * kChunkRows;
    ScoreChunk(shape, contrast, wave.first, {first, std::min(kChunkRows, wave.count - first)});
  });
  ForTiles(contrasts, shape.columns(), parallel, [&](const StepOperands<T>& contrast, RowTile tile) {
    if (contrast.column_gradient != nullptr) AddColumnGradient(shape, contrast, wave, tile);
  });
  ForItems(contrasts, 1, parallel, [&](const StepOperands<T>& contrast, int64_t) {
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      const double* sums = ChunkMemoryOf(shape, contrast, chunk).sums;
      for (int64_t i = 0; i < shape.steps; ++i) contrast.step_losses[i] += sums[i];
    }
  });
}

// A float contrast in double.
struct WideArrays {
  double* rows;
  double* columns;
  double* row_gradient;
  double* column_gradient;
  StepContrastMemory<double> memory;
};

WideArrays TakeWide(const ContrastProblem& problem, Workspace& workspace) {
  const StepContrastShape shape = StepShapeOf(problem);
  WideArrays arrays{};
  arrays.rows = workspace.Take<double>(shape.rows() * shape.width);
  arrays.columns = workspace.Take<double>(shape.columns() * shape.width);
  arrays.row_gradient = workspace.Take<double>(shape.rows() * shape.width);
  arrays.column_gradient = workspace.Take<double>(shape.columns() * shape.width);
  arrays.memory = TakeStepContrastMemory<double>(problem, workspace);
  return arrays;
}

void RunWide(const ContrastProblem& problem, const StepOperands<float>& contrast) {
  const StepContrastShape shape = StepShapeOf(problem);
  Workspace workspace(contrast.memory.wide);
  const WideArrays arrays = TakeWide(problem, workspace);
  const int64_t rows = shape.rows() * shape.width;
  const int64_t columns = shape.columns() * shape.width;
  std::copy_n(contrast.rows, rows, arrays.rows);
  std::copy_n(contrast.columns, columns, arrays.columns);
  const StepOperands<double> wide = {
      .rows = arrays.rows,
      .columns = arrays.columns,
      .scale = contrast.scale,
      .step_weights = contrast.step_weights,
      .memory = arrays.memory,
      .step_losses = contrast.step_losses,
      .row_gradient = contrast.row_gradient == nullptr ? nullptr : arrays.row_gradient,
      .column_gradient = contrast.column_gradient == nullptr ? nullptr : arrays.column_gradient,
      .cancelled = contrast.cancelled};
  Serial serial;
  RunStepContrasts<double>(problem, {&wide, 1}, serial);
  const auto narrow = [](const double* from, int64_t count, float* to) {
    if (to != nullptr) std::transform(from, from + count, to, [](double x) { return static_cast<float>(x); });
  };
  narrow(arrays.row_gradient, rows, contrast.row_gradient);
  narrow(arrays.column_gradient, columns, contrast.column_gradient);
}

}  // namespace

template <typename T>
StepContrastMemory<T> TakeStepContrastMemory(const ContrastProblem& problem, Workspace& workspace) {
  const StepContrastShape shape = StepShapeOf(problem);
  const int64_t rows = WaveRows(shape);
  StepContrastMemory<T> memory{};
  if (std::is_same_v<T, float> && GainsFromFloat64(problem)) {
    memory.wide = workspace.Take<std::byte>(0);
    TakeWide(problem, workspace);
    return memory;
  }
  memory.scores = workspace.Take<T>(std::min(rows, shape.rows()) * shape.columns());
  memory.score_columns = workspace.Take<T>(PackedColumnsSize(shape.width, shape.columns()));
  memory.gradient_columns = workspace.Take<T>(PackedColumnsSize(shape.columns(), shape.width));
  memory.wave_columns = workspace.Take<T>(PackedColumnsSize(std::min(rows, shape.rows()), shape.width));
  memory.step_factors = workspace.Take<double>(shape.steps);
  memory.line_factors = workspace.Take<double>(shape.steps);
  memory.chunk_sums = workspace.Take<double>(rows / kChunkRows * 4 * shape.steps);
  return memory;
}

template <typename T>
void RunStepContrasts(const ContrastProblem& problem, absl::Span<const StepOperands<T>> contrasts, Parallel& parallel) {
  if constexpr (std::is_same_v<T, float>) {
    if (GainsFromFloat64(problem)) {
      parallel.For(static_cast<int64_t>(contrasts.size()),
                   [&](int64_t i) { RunWide(problem, contrasts[static_cast<size_t>(i)]); });
      return;
    }
  }
  const StepContrastShape shape = StepShapeOf(problem);
  for (const StepOperands<T>& contrast : contrasts) FillFactors(shape, contrast);
  const int64_t packed = CeilDiv(shape.columns(), kPackedColumns);
  ForItems(contrasts, packed + 1, parallel,
           [&](const StepOperands<T>& contrast, int64_t item) { PackItem(shape, contrast, item); });
  const int64_t rows = WaveRows(shape);
  for (int64_t first = 0; first < shape.rows(); first += rows) {
    RunWave(shape, contrasts, {first, std::min(rows, shape.rows() - first)}, parallel);
  }
  for (const StepOperands<T>& contrast : contrasts) {
    for (int64_t i = 1; i <= shape.steps; ++i) {
      contrast.step_losses[i - 1] /= static_cast<double>(shape.rows_of_step(i));
    }
  }
}

template StepContrastMemory<float> TakeStepContrastMemory(const ContrastProblem&, Workspace&);
template StepContrastMemory<double> TakeStepContrastMemory(const ContrastProblem&, Workspace&);
template void RunStepContrasts(const ContrastProblem&, absl::Span<const StepOperands<float>>, Parallel&);
template void RunStepContrasts(const ContrastProblem&, absl::Span<const StepOperands<double>>, Parallel&);

}  // namespace lossd
