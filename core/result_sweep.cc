// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/result_sweep.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "core/engine/rounding.h"
#include "core/tensor/dtype.h"

namespace lossd {
namespace {

SweepStats SweepChunks(Parallel& parallel, int64_t count,
                       absl::FunctionRef<SweepStats(int64_t begin, int64_t size)> sweep) {
  if (count <= kSweepChunk) return sweep(0, count);
  const int64_t chunks = CeilDiv(count, kSweepChunk);
  absl::InlinedVector<SweepStats, 16> stats(static_cast<size_t>(chunks));
  parallel.For(chunks, [&](int64_t chunk) {
    const int64_t begin = chunk * kSweepChunk;
    stats[static_cast<size_t>(chunk)] = sweep(begin, std::min(kSweepChunk, count - begin));
  });
  SweepStats total{true, 0.0};
  for (const SweepStats& chunk : stats) {
    total.finite &= chunk.finite;
    total.sum_of_squares += chunk.sum_of_squares;
  }
  return total;
}

SweepStats ScanNarrow(DType dtype, const std::byte* elements, int64_t count) {
  constexpr int64_t kPiece = 4096;
  float wide[kPiece];
  SweepStats all;
  for (int64_t first = 0; first < count; first += kPiece) {
    const int64_t size = std::min(kPiece, count - first);
    Widen(dtype, elements + first * static_cast<int64_t>(SizeOf(dtype)), wide, size);
    const SweepStats piece = Scan(DType::kFloat32, wide, size);
    all.finite &= piece.finite;
    all.sum_of_squares += piece.sum_of_squares;
  }
  return all;
}

}  // namespace

SweepStats SweepGradient(Parallel& parallel, const Tensor& computed, const Tensor& rounded, double scale) {
  const DType from = computed.spec().dtype;
  const DType to = rounded.spec().dtype;
  const bool in_place = computed.bytes() == rounded.bytes();
  return SweepChunks(parallel, computed.element_count(), [&](int64_t begin, int64_t size) {
    const std::byte* source = computed.bytes() + begin * static_cast<int64_t>(SizeOf(from));
    if (in_place) return IsHalf(from) ? ScanNarrow(from, source, size) : Scan(from, source, size);
    std::byte* const destination = rounded.bytes() + begin * static_cast<int64_t>(SizeOf(to));
    const SweepStats stats = RoundTo(from, source, to, destination, size);
    if (scale == 1) return stats;
    auto* const wide = reinterpret_cast<double*>(destination);
    for (int64_t i = 0; i < size; ++i) wide[i] *= scale;
    return Scan(to, destination, size);
  });
}

bool IsFinite(Parallel& parallel, const Tensor& tensor) {
  const DType dtype = tensor.spec().dtype;
  if (!IsFloating(dtype)) return true;
  return SweepChunks(parallel, tensor.element_count(),
                     [&](int64_t begin, int64_t size) {
                       const std::byte* source = tensor.bytes() + begin * static_cast<int64_t>(SizeOf(dtype));
                       return SweepStats{AllFinite(dtype, source, size), 0.0};
                     })
      .finite;
}

}  // namespace lossd
