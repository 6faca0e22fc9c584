// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/cpc_contrast.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>

#include "core/engine/finite_cast.h"
#include "core/engine/gemm.h"
#include "core/engine/rounding.h"
#include "core/engine/row_exponentials.h"
#include "core/engine/short_sums.h"
#include "core/losses/cpc/position_tiles.h"

namespace lossd {
namespace {

constexpr int64_t kChunkRows = 32;                     // Predictions of an iteration.
constexpr int64_t kPackedTargets = 8 * kPanelColumns;  // Targets packed in an iteration.
constexpr int64_t kWaveScores = int64_t{1} << 20;      // Scores held at a time, unless one chunk has more.

// Predictions of a wave, a multiple of kChunkRows.
int64_t WaveRows(const CpcContrastShape& shape) {
  const int64_t fitting = std::max(kWaveScores / shape.targets() / kChunkRows * kChunkRows, kChunkRows);
  return std::min(fitting, RoundedUp(shape.predictions(), kChunkRows));
}

// Where a prediction lies.
struct Place {
  int64_t r, x, b;
};

Place PlaceOf(const CpcContrastShape& shape, int64_t prediction) {
  const int64_t group = prediction / shape.batch;
  return {group / shape.width, group % shape.width, prediction % shape.batch};
}

// Target of step i, counted from 1.
int64_t PickOf(const CpcContrastShape& shape, const Place& place, int64_t i) {
  return ((place.r + i + 1) * shape.width + place.x) * shape.batch + place.b;
}

// Memory of one chunk's iteration, [steps] each.
struct ChunkMemory {
  double* sums;     // Of the steps' terms over the rows.
  double* shifted;  // score - maximum of the row's picks.
  double* picked;   // exp(shifted).
  double* tails;    // Sum of picked over the later steps.
};

template <typename T>
ChunkMemory ChunkMemoryOf(const CpcContrastShape& shape, const CpcContrast<T>& contrast, int64_t chunk) {
  const int64_t steps = shape.steps();
  double* first = contrast.memory.chunk_sums + chunk * 4 * steps;
  return {first, first + steps, first + 2 * steps, first + 3 * steps};
}

// Takes the picked scores out of the row, as exponentials. Returns their sum.
template <typename T>
double TakePicks(const CpcContrastShape& shape, const Place& place, double maximum, T* scores, ChunkMemory& memory) {
  double sum = 0;
  for (int64_t i = shape.steps() - place.r; i > 0; --i) {
    T& score = scores[PickOf(shape, place, i)];
    memory.shifted[i - 1] = static_cast<double>(score) - maximum;
    memory.picked[i - 1] = std::exp(memory.shifted[i - 1]);
    memory.tails[i - 1] = sum;
    sum += memory.picked[i - 1];
    score = -std::numeric_limits<T>::infinity();
  }
  return sum;
}

// LSE - score of a pick, from score - maximum, its exponential, and the sum of the other exponentials.
double TermOf(double shifted, double picked, double others) {
  return picked > others ? std::log1p(others / picked) : std::log(picked + others) - shifted;
}

// Turns a row of scores into the gradient with respect to them, and adds the steps' terms to the chunk's sums.
template <typename T>
void ScoreRow(const CpcContrastShape& shape, const CpcContrast<T>& contrast, const Place& place, bool gradient,
              T* scores, ChunkMemory& memory) {
  const int64_t steps = shape.steps() - place.r;
  const T maximum = MaxOfRow(scores, shape.targets());
  const auto high = static_cast<double>(maximum);
  const double picks = TakePicks(shape, place, high, scores, memory);
  const double others = ExponentiateRow(scores, shape.targets(), maximum);
  const double total = others + picks;
  const double factor = contrast.memory.row_factors[place.r];
  if (gradient) ScaleRow(scores, shape.targets(), static_cast<T>(factor / total));
  double heads = others;
  for (int64_t i = 1; i <= steps; ++i) {
    const double picked = memory.picked[i - 1];
    const double rest = heads + memory.tails[i - 1];
    heads += picked;
    memory.sums[i - 1] += TermOf(memory.shifted[i - 1], picked, rest);
    if (!gradient) continue;
    const double step = contrast.memory.step_factors[i - 1];
    scores[PickOf(shape, place, i)] = static_cast<T>(((factor - step) * picked - step * rest) / total);
  }
}

// Packs the targets, item by item, as they are needed in every chunk of rows.
template <typename T>
void PackTargets(const CpcContrastShape& shape, const CpcContrast<T>& contrast, int64_t item) {
  const int64_t targets = shape.targets();
  const int64_t first = item * kPackedTargets;
  if (first < targets) {
    for (int64_t c = 0; c < shape.dim; c += kShortSum) {
      PackColumns(std::min(kShortSum, shape.dim - c), targets,
                  MatrixView<T>::Transposed(contrast.targets + c, shape.dim), first,
                  std::min(first + kPackedTargets, targets),
                  contrast.memory.score_columns + PackedColumnsSize(c, targets));
    }
  } else if (contrast.prediction_gradient != nullptr) {
    PackColumns(targets, shape.dim, MatrixView<T>::RowMajor(contrast.targets, shape.dim), 0, shape.dim,
                contrast.memory.gradient_columns);
  }
}

// Rows [first, first + count) of a wave that starts at prediction `wave`.
template <typename T>
void ScoreChunk(const CpcContrastShape& shape, const CpcContrast<T>& contrast, int64_t wave, PositionTile chunk) {
  const int64_t targets = shape.targets();
  const int64_t dim = shape.dim;
  const bool gradient = contrast.prediction_gradient != nullptr || contrast.target_gradient != nullptr;
  T* scores = contrast.memory.scores + chunk.first * targets;
  const T scale = FiniteCast<T>(contrast.embed_scale);
  const int64_t prediction = wave + chunk.first;
  // In short sums: biases of one sign make all terms of a score positive.
  for (int64_t c = 0; c < dim; c += kShortSum) {
    const int64_t count = std::min(kShortSum, dim - c);
    const T* const columns = contrast.memory.score_columns + PackedColumnsSize(c, targets);
    Gemm(chunk.count, targets, count, scale, MatrixView<T>::RowMajor(contrast.predictions + prediction * dim + c, dim),
         PackedColumns<T>{columns, count, targets, 0, targets}, c > 0, BlockedResult<T>(scores, targets));
  }
  ChunkMemory memory = ChunkMemoryOf(shape, contrast, chunk.first / kChunkRows);
  for (int64_t i = 0; i < chunk.count; ++i) {
    ScoreRow(shape, contrast, PlaceOf(shape, prediction + i), gradient, scores + i * targets, memory);
  }
  if (contrast.prediction_gradient == nullptr) return;
  Gemm(chunk.count, dim, targets, scale, MatrixView<T>::RowMajor(scores, targets),
       PackedColumns<T>{contrast.memory.gradient_columns, targets, dim, 0, dim}, false,
       BlockedResult<T>(contrast.prediction_gradient + prediction * dim, dim));
}

template <typename T>
void PackWave(const CpcContrastShape& shape, const CpcContrast<T>& contrast, PositionTile wave) {
  if (contrast.target_gradient == nullptr) return;
  PackColumns(wave.count, shape.dim, MatrixView<T>::RowMajor(contrast.predictions + wave.first * shape.dim, shape.dim),
              0, shape.dim, contrast.memory.wave_columns);
}

// target_gradient[tile] (+)= embed_scale D^T predictions, over a wave's rows.
template <typename T>
void AddTargetGradient(const CpcContrastShape& shape, const CpcContrast<T>& contrast, PositionTile wave,
                       PositionTile tile) {
  Gemm(tile.count, shape.dim, wave.count, FiniteCast<T>(contrast.embed_scale),
       MatrixView<T>::Transposed(contrast.memory.scores + tile.first, shape.targets()),
       PackedColumns<T>{contrast.memory.wave_columns, wave.count, shape.dim, 0, shape.dim}, wave.first > 0,
       BlockedResult<T>(contrast.target_gradient + tile.first * shape.dim, shape.dim));
}

template <typename T>
void FillFactors(const CpcContrastShape& shape, const CpcContrast<T>& contrast) {
  const int64_t steps = shape.steps();
  double sum = 0;
  for (int64_t i = 1; i <= steps; ++i) {
    const double factor = CpcStepWeight(contrast.weighting, i) / static_cast<double>(shape.step_predictions(i));
    sum += factor;
    contrast.memory.step_factors[i - 1] = factor;
    contrast.memory.row_factors[steps - i] = sum;  // Row r has the steps 1 .. steps - r.
    contrast.step_losses[i - 1] = 0;
  }
}

template <typename T>
void RunWave(const CpcContrastShape& shape, absl::Span<const CpcContrast<T>> contrasts, PositionTile wave,
             Parallel& parallel) {
  const int64_t chunks = CeilDiv(wave.count, kChunkRows);
  ForItems(contrasts, chunks + 1, parallel, [&](const CpcContrast<T>& contrast, int64_t index) {
    if (index == chunks) return PackWave(shape, contrast, wave);
    std::fill_n(ChunkMemoryOf(shape, contrast, index).sums, shape.steps(), 0.0);
    const int64_t first = index * kChunkRows;
    ScoreChunk(shape, contrast, wave.first, {first, std::min(kChunkRows, wave.count - first)});
  });
  ForTiles(contrasts, shape.targets(), parallel, [&](const CpcContrast<T>& contrast, PositionTile tile) {
    if (contrast.target_gradient != nullptr) AddTargetGradient(shape, contrast, wave, tile);
  });
  ForItems(contrasts, 1, parallel, [&](const CpcContrast<T>& contrast, int64_t) {
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      const double* sums = ChunkMemoryOf(shape, contrast, chunk).sums;
      for (int64_t i = 0; i < shape.steps(); ++i) contrast.step_losses[i] += sums[i];
    }
  });
}

// A float contrast in double.
struct WideArrays {
  double* predictions;
  double* targets;
  double* prediction_gradient;
  double* target_gradient;
  CpcContrastMemory<double> memory;
};

WideArrays TakeWide(const CpcContrastShape& shape, Workspace& workspace) {
  WideArrays arrays{};
  arrays.predictions = workspace.Take<double>(shape.predictions() * shape.dim);
  arrays.targets = workspace.Take<double>(shape.targets() * shape.dim);
  arrays.prediction_gradient = workspace.Take<double>(shape.predictions() * shape.dim);
  arrays.target_gradient = workspace.Take<double>(shape.targets() * shape.dim);
  arrays.memory = TakeContrastMemory<double>(shape, workspace);
  return arrays;
}

void RunWide(const CpcContrastShape& shape, const CpcContrast<float>& contrast) {
  Workspace workspace(contrast.memory.wide);
  const WideArrays arrays = TakeWide(shape, workspace);
  const int64_t predictions = shape.predictions() * shape.dim;
  const int64_t targets = shape.targets() * shape.dim;
  std::copy_n(contrast.predictions, predictions, arrays.predictions);
  std::copy_n(contrast.targets, targets, arrays.targets);
  const CpcContrast<double> wide = {
      .predictions = arrays.predictions,
      .targets = arrays.targets,
      .embed_scale = contrast.embed_scale,
      .weighting = contrast.weighting,
      .memory = arrays.memory,
      .step_losses = contrast.step_losses,
      .prediction_gradient = contrast.prediction_gradient == nullptr ? nullptr : arrays.prediction_gradient,
      .target_gradient = contrast.target_gradient == nullptr ? nullptr : arrays.target_gradient,
      .cancelled = contrast.cancelled};
  Serial serial;
  RunCpcContrast<double>(shape, {&wide, 1}, serial);
  const auto narrow = [](const double* from, int64_t count, float* to) {
    if (to != nullptr) std::transform(from, from + count, to, [](double x) { return static_cast<float>(x); });
  };
  narrow(arrays.prediction_gradient, predictions, contrast.prediction_gradient);
  narrow(arrays.target_gradient, targets, contrast.target_gradient);
}

}  // namespace

template <typename T>
CpcContrastMemory<T> TakeContrastMemory(const CpcContrastShape& shape, Workspace& workspace) {
  const int64_t rows = WaveRows(shape);
  CpcContrastMemory<T> memory{};
  if (std::is_same_v<T, float> && HasFewScores(shape)) {
    memory.wide = workspace.Take<std::byte>(0);
    TakeWide(shape, workspace);
    return memory;
  }
  memory.scores = workspace.Take<T>(std::min(rows, shape.predictions()) * shape.targets());
  memory.score_columns = workspace.Take<T>(PackedColumnsSize(shape.dim, shape.targets()));
  memory.gradient_columns = workspace.Take<T>(PackedColumnsSize(shape.targets(), shape.dim));
  memory.wave_columns = workspace.Take<T>(PackedColumnsSize(std::min(rows, shape.predictions()), shape.dim));
  memory.step_factors = workspace.Take<double>(shape.steps());
  memory.row_factors = workspace.Take<double>(shape.steps());
  memory.chunk_sums = workspace.Take<double>(rows / kChunkRows * 4 * shape.steps());
  return memory;
}

template <typename T>
void RunCpcContrast(const CpcContrastShape& shape, absl::Span<const CpcContrast<T>> contrasts, Parallel& parallel) {
  if constexpr (std::is_same_v<T, float>) {
    if (HasFewScores(shape)) {
      parallel.For(static_cast<int64_t>(contrasts.size()),
                   [&](int64_t i) { RunWide(shape, contrasts[static_cast<size_t>(i)]); });
      return;
    }
  }
  for (const CpcContrast<T>& contrast : contrasts) FillFactors(shape, contrast);
  const int64_t packed = CeilDiv(shape.targets(), kPackedTargets);
  ForItems(contrasts, packed + 1, parallel,
           [&](const CpcContrast<T>& contrast, int64_t item) { PackTargets(shape, contrast, item); });
  const int64_t rows = WaveRows(shape);
  for (int64_t first = 0; first < shape.predictions(); first += rows) {
    RunWave(shape, contrasts, {first, std::min(rows, shape.predictions() - first)}, parallel);
  }
  for (const CpcContrast<T>& contrast : contrasts) {
    for (int64_t i = 1; i <= shape.steps(); ++i) {
      contrast.step_losses[i - 1] /= static_cast<double>(shape.step_predictions(i));
    }
  }
}

template CpcContrastMemory<float> TakeContrastMemory(const CpcContrastShape&, Workspace&);
template CpcContrastMemory<double> TakeContrastMemory(const CpcContrastShape&, Workspace&);
template void RunCpcContrast(const CpcContrastShape&, absl::Span<const CpcContrast<float>>, Parallel&);
template void RunCpcContrast(const CpcContrastShape&, absl::Span<const CpcContrast<double>>, Parallel&);

}  // namespace lossd
