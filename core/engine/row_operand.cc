// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/row_operand.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "core/engine/contrast.h"
#include "core/engine/finite_cast.h"
#include "core/engine/rounding.h"
#include "core/tensor/convert.h"

namespace lossd {
namespace {

constexpr int64_t kChunkRows = 512;

template <typename T>
double LargestOf(const T* row, int64_t width) {
  double largest = 0;
  for (int64_t c = 0; c < width; ++c) largest = std::max(largest, std::abs(static_cast<double>(row[c])));
  return largest;
}

// The Euclidean norm; squares of doubles may leave their range on the way.
template <typename T>
double NormOf(const T* row, int64_t width) {
  constexpr DType kType = std::is_same_v<T, float> ? DType::kFloat32 : DType::kFloat64;
  const double squares = Scan(kType, row, width).sum_of_squares;
  if (std::is_same_v<T, float> || (squares > 1e-280 && squares < 1e280) || std::isnan(squares)) {
    return std::sqrt(squares);
  }
  const double largest = LargestOf(row, width);
  if (largest == 0 || std::isinf(largest)) return largest;
  double sum = 0;
  for (int64_t c = 0; c < width; ++c) sum += std::pow(static_cast<double>(row[c]) / largest, 2);
  return largest * std::sqrt(sum);
}

// <u, g>, in sums side by side: one sum of some hundred equal terms is rounded alike at each of them.
template <typename T>
double ProductOf(const T* u, const T* g, int64_t width) {
  constexpr int64_t kSums = 16;
  double sums[kSums] = {};
  const auto add = [&](int64_t first, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      sums[i] += static_cast<double>(u[first + i]) * static_cast<double>(g[first + i]);
  };
  int64_t first = 0;
  for (; first + kSums <= width; first += kSums) add(first, kSums);
  add(first, width - first);
  for (int64_t half = kSums / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < half; ++i) sums[i] += sums[i + half];
  }
  return sums[0];
}

template <typename T>
int64_t PaddedBytes(int64_t count) {
  return AlignedSize(count * static_cast<int64_t>(sizeof(T)));
}

}  // namespace

template <typename T>
absl::InlinedVector<int64_t, 4> RowOperand<T>::FirstChunks() const {
  absl::InlinedVector<int64_t, 4> chunks = {0};
  for (const RowPart<T>& part : parts_) chunks.push_back(chunks.back() + CeilDiv(part.count, kChunkRows));
  return chunks;
}

template <typename T>
template <typename Body>
void RowOperand<T>::ForChunks(Parallel& parallel, const Body& body) const {
  const absl::InlinedVector<int64_t, 4> chunks = FirstChunks();
  parallel.For(chunks.back(), [&](int64_t i) {
    const auto part = static_cast<size_t>(std::upper_bound(chunks.begin(), chunks.end(), i) - chunks.begin() - 1);
    const int64_t first = (i - chunks[part]) * kChunkRows;
    body(part, first, std::min(kChunkRows, parts_[part].count - first));
  });
}

template <typename T>
int64_t RowOperand<T>::CopyBytes(int64_t rows, int64_t width) {
  return PaddedBytes<T>(rows * width) + PaddedBytes<double>(rows) + 4 * static_cast<int64_t>(kBufferAlignment);
}

template <typename T>
void RowOperand<T>::Prepare(BufferPool& pool, Parallel& parallel) {
  for (const RowPart<T>& part : parts_) prepared_.push_back(part.rows);
  if (!normalize_) return FindExponent(parallel);
  FindNorms(pool, parallel);
  CopyNormalized(pool, parallel);
}

template <typename T>
void RowOperand<T>::CopyNormalized(BufferPool& pool, Parallel& parallel) {
  int64_t bytes = 0;
  for (const RowPart<T>& part : parts_) bytes += PaddedBytes<T>(part.count * width_);
  copy_ = pool.Allocate(static_cast<size_t>(bytes));
  std::byte* place = copy_.data();
  for (size_t part = 0; part < parts_.size(); ++part) {
    prepared_[part] = reinterpret_cast<T*>(place);
    place += PaddedBytes<T>(parts_[part].count * width_);
  }
  ForChunks(parallel, [&](size_t part, int64_t first, int64_t count) { CopyRows(part, first, count); });
}

template <typename T>
void RowOperand<T>::FindNorms(BufferPool& pool, Parallel& parallel) {
  norm_memory_ = pool.Allocate(static_cast<size_t>(rows_) * sizeof(double));
  auto* norms = reinterpret_cast<double*>(norm_memory_.data());
  for (const RowPart<T>& part : parts_) {
    norms_.push_back(norms);
    norms += part.count;
  }
  ForChunks(parallel, [&](size_t part, int64_t first, int64_t count) {
    for (int64_t r = first; r < first + count; ++r) {
      norms_[part][r] = NormOf(parts_[part].rows + r * width_, width_);
    }
  });
}

template <typename T>
void RowOperand<T>::FindExponent(Parallel& parallel) {
  const absl::InlinedVector<int64_t, 4> chunks = FirstChunks();
  absl::InlinedVector<double, 16> norms(static_cast<size_t>(chunks.back()));
  ForChunks(parallel, [&](size_t part, int64_t first, int64_t count) {
    double& norm = norms[static_cast<size_t>(chunks[part] + first / kChunkRows)];
    norm = NormOf(parts_[part].rows + first * width_, count * width_);
  });
  const double largest = *std::max_element(norms.begin(), norms.end());
  if (largest == 0 || !std::isfinite(largest)) return;
  exponent_ = std::ilogb(largest);
}

template <typename T>
void RowOperand<T>::CopyRows(size_t part, int64_t first, int64_t count) const {
  for (int64_t r = first; r < first + count; ++r) {
    const T* from = parts_[part].rows + r * width_;
    T* to = const_cast<T*>(prepared_[part]) + r * width_;  // Into copy_.
    const double norm = std::max(norms_[part][r], kNormEpsilon);
    for (int64_t c = 0; c < width_; ++c) to[c] = static_cast<T>(static_cast<double>(from[c]) / norm);
  }
}

template <typename T>
void RowOperand<T>::KeepGradients(BufferPool& pool) {
  int64_t bytes = 0;
  for (const RowPart<T>& part : parts_) bytes += PaddedBytes<T>(part.gradient == nullptr ? part.count * width_ : 0);
  if (bytes == 0) return;
  kept_ = pool.Allocate(static_cast<size_t>(bytes));
  std::byte* place = kept_.data();
  for (RowPart<T>& part : parts_) {
    if (part.gradient != nullptr) continue;
    part.gradient = reinterpret_cast<T*>(place);
    place += PaddedBytes<T>(part.count * width_);
  }
}

template <typename T>
double RowOperand<T>::FinishRow(size_t part, int64_t row, double factor) const {
  const T* u = prepared_[part] + row * width_;
  T* g = parts_[part].gradient + row * width_;
  const double along = ProductOf(u, g, width_);
  const double norm = normalize_ ? norms_[part][row] : 1;
  // Where the norm was below the bound, its division does not depend on the row.
  const double projection = normalize_ && norm >= kNormEpsilon ? along : 0;
  // Doubles may hold the result and not what it is multiplied by.
  double last = 1;
  if (normalize_) {
    const double divisor = std::max(norm, kNormEpsilon);
    if (!std::isfinite(factor / divisor)) last = std::exchange(factor, 1.0);
    factor /= divisor;
  }
  for (int64_t c = 0; c < width_; ++c) {
    g[c] = static_cast<T>((static_cast<double>(g[c]) - static_cast<double>(u[c]) * projection) * factor * last);
  }
  return along;
}

template <typename T>
double RowOperand<T>::FinishGradients(double factor, Parallel& parallel) {
  const absl::InlinedVector<int64_t, 4> chunks = FirstChunks();
  absl::InlinedVector<double, 16> sums(static_cast<size_t>(chunks.back()), 0.0);
  ForChunks(parallel, [&](size_t part, int64_t first, int64_t count) {
    if (parts_[part].gradient == nullptr) return;
    double& sum = sums[static_cast<size_t>(chunks[part] + first / kChunkRows)];
    for (int64_t r = first; r < first + count; ++r) sum += FinishRow(part, r, factor);
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

template class RowOperand<float>;
template class RowOperand<double>;

}  // namespace lossd
