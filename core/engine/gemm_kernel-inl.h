// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The innermost product: a tile of C, held in registers over one run of k. For sources compiled once per target.

#if defined(LOSSD_CORE_ENGINE_GEMM_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOSSD_CORE_ENGINE_GEMM_KERNEL_INL_H_
#undef LOSSD_CORE_ENGINE_GEMM_KERNEL_INL_H_
#else
#define LOSSD_CORE_ENGINE_GEMM_KERNEL_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "core/engine/gemm_bf16-inl.h"
#include "core/engine/partial_vector-inl.h"
#include "core/engine/rounding.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A tile is kTileRows x (kTileVectors vectors): as many accumulators as fit beside two vectors of B and one of A into
// 32 or 16 registers, and enough to cover the latency of the multiply-add. kTileRows divides kPanelRows.
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3) || HWY_ARCH_ARM_A64
inline constexpr int kTileRows = 12;
#else
inline constexpr int kTileRows = 6;
#endif
inline constexpr int kTileVectors = 2;

template <typename T>
inline constexpr int kVectorLanes = static_cast<int>(hn::MaxLanes(hn::ScalableTag<T>()));
template <typename T>
inline constexpr int kTileColumns = kTileVectors* kVectorLanes<T>;

// Steps of k from which on it pays to ask for C before it is needed.
inline constexpr int64_t kWorthPrefetching = 64;

inline constexpr int64_t kOneStretch = int64_t{1} << 62;

// Where a vector of a row goes: its first lanes to `first` elements behind the row's first, the next to `second`.
struct VectorPlace {
  int64_t first;
  int64_t first_lanes;
  int64_t second;
  int64_t second_lanes;
};

// Where a kernel reads and writes. Row i of A at a + i * a_row, step p of k at p * a_step on (packed: a_row 1, a_step
// kTileRows); row p of B at b + p * b_step.
template <typename T>
struct TileTask {
  int64_t k = 0;
  const T* a = nullptr;
  int64_t a_row = 1;
  int64_t a_step = kTileRows;
  const T* b = nullptr;
  int64_t b_step = 0;
  T alpha = 1;
  bool accumulate = false;
  T* c = nullptr;
  int64_t c_stride = 0;
  int64_t last_lanes = 0;                             // Of the last vector, where that is a partial one.
  std::array<VectorPlace, kTileVectors> places = {};  // Of the vectors of a row, where they are in two parts.
  // After every `stretch` steps A is found a_jump elements further on: steps that lie in blocks.
  int64_t stretch = kOneStretch;
  int64_t a_jump = 0;
  // What will be read next, asked for while this tile is computed: the elements at ahead + ahead_offsets, then, after
  // every stretch, those ahead_stride further on. Few at a time, or they are dropped.
  const T* ahead = nullptr;
  std::array<int64_t, 4> ahead_offsets = {};
  int64_t ahead_stride = 0;
};

// Whether kernels can leave out lanes of their last vector.
inline constexpr bool kPartialTiles = LOSSD_MASKED_STORES;

// How a kernel reads A, whether its last vector is a partial one, whether A and B hold pairs (gemm_bf16-inl.h), and
// whether vectors are written in two parts.
enum TileForm { kStridedRows = 0, kPackedRows = 1, kPartial = 2, kPairs = 4, kInParts = 8 };

template <int kForm, class D, typename T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> LoadTile(D d, const T* from, bool last, int64_t last_lanes) {
  return (kForm & kPartial) != 0 && last ? LoadFirst(d, from, static_cast<size_t>(last_lanes)) : hn::LoadU(d, from);
}
template <int kForm, class D, typename T = hn::TFromD<D>>
HWY_INLINE void StoreTile(D d, hn::Vec<D> v, T* to, bool last, int64_t last_lanes) {
  if ((kForm & kPartial) != 0 && last) {
    StoreFirst(d, v, to, static_cast<size_t>(last_lanes));
  } else {
    hn::StoreU(v, d, to);
  }
}

template <int kVectors, typename T>
HWY_INLINE void PrefetchParts(const TileTask<T>& task, const T* row) {
  for (size_t j = 0; j < kVectors; ++j) hwy::Prefetch(row + task.places[j].first);
  const VectorPlace& last = task.places[kVectors - 1];
  hwy::Prefetch(row + (last.second_lanes > 0 ? last.second + last.second_lanes : last.first + last.first_lanes) - 1);
}

// Column j of vectors of c = alpha * sums + (accumulate ? c : 0), in two parts a vector or in one. What kind it is, is
// asked once for all rows.
template <bool kAccumulate, bool kTwoParts, size_t j, class V, int kRows, int kVectors, typename T>
HWY_INLINE void UpdateColumn(const TileTask<T>& task, const V (&sums)[kRows][kVectors]) {
  const hn::ScalableTag<T> d;
  const VectorPlace& place = task.places[j];
  const V alpha = hn::Set(d, task.alpha);
  const auto first = hn::FirstN(d, static_cast<size_t>(place.first_lanes));
  const auto second = hn::AndNot(first, hn::FirstN(d, static_cast<size_t>(place.first_lanes + place.second_lanes)));
  T* HWY_RESTRICT to = task.c + place.first;
  T* HWY_RESTRICT behind = task.c + place.second - place.first_lanes;
  const int64_t stride = task.c_stride;
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    V c = hn::Zero(d);
    if constexpr (kAccumulate) {
      c = hn::MaskedLoad(first, d, to + i * stride);
      if constexpr (kTwoParts) c = hn::Or(c, hn::MaskedLoad(second, d, behind + i * stride));
      c = hn::MulAdd(alpha, sums[i][j], c);
    } else {
      c = hn::Mul(alpha, sums[i][j]);
    }
    hn::BlendedStore(c, first, d, to + i * stride);
    if constexpr (kTwoParts) hn::BlendedStore(c, second, d, behind + i * stride);
  }
}

template <size_t j, class V, int kRows, int kVectors, typename T>
HWY_INLINE void UpdateInParts(const TileTask<T>& task, const V (&sums)[kRows][kVectors]) {
  if (task.places[j].second_lanes == 0) {
    task.accumulate ? UpdateColumn<true, false, j>(task, sums) : UpdateColumn<false, false, j>(task, sums);
  } else {
    task.accumulate ? UpdateColumn<true, true, j>(task, sums) : UpdateColumn<false, true, j>(task, sums);
  }
}

// c = alpha * (A B) + (accumulate ? c : 0) for a whole tile, one multiply-add after the other along k.
template <int kRows, int kVectors, int kForm, typename T>
HWY_NOINLINE void ComputeTile(const TileTask<T>& task) {
  const hn::ScalableTag<T> d;
  constexpr int kLanes = kVectorLanes<T>;
  using V = hn::Vec<hn::ScalableTag<T>>;
  const int64_t last_lanes = task.last_lanes;
  V sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < kVectors; ++j) sums[i][j] = hn::Zero(d);
  }
  if (task.k >= kWorthPrefetching) {
    for (int i = 0; i < kRows; ++i) {
      if constexpr ((kForm & kInParts) != 0) {
        PrefetchParts<kVectors>(task, task.c + i * task.c_stride);
        continue;
      }
      hwy::Prefetch(task.c + i * task.c_stride);
      hwy::Prefetch(task.c + i * task.c_stride + kVectors * kLanes - 1);
    }
  }
  const T* HWY_RESTRICT a = task.a;
  const T* HWY_RESTRICT b = task.b;
  const int64_t a_row = (kForm & kPackedRows) != 0 ? 1 : task.a_row;
  const int64_t a_step = (kForm & kPackedRows) != 0 ? kTileRows : task.a_step;
  const int64_t b_step = task.b_step;
  const T* ahead = task.ahead;
  for (int64_t left = task.k; left > 0; left -= task.stretch) {
    if (ahead != nullptr) {
      for (const int64_t offset : task.ahead_offsets) hwy::Prefetch(ahead + offset);
      ahead += task.ahead_stride;
    }
#pragma GCC unroll 1
    for (int64_t p = std::min(left, task.stretch); p > 0; --p) {
      V row[kVectors];
#pragma GCC unroll 16
      for (int j = 0; j < kVectors; ++j) row[j] = LoadTile<kForm>(d, b + j * kLanes, j == kVectors - 1, last_lanes);
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) {
        const V factor = hn::Set(d, a[i * a_row]);
#pragma GCC unroll 16
        for (int j = 0; j < kVectors; ++j) {
          if constexpr ((kForm & kPairs) != 0) {
            sums[i][j] = AddPairs(factor, row[j], sums[i][j]);
          } else {
            sums[i][j] = hn::MulAdd(factor, row[j], sums[i][j]);
          }
        }
      }
      a += a_step;
      b += b_step;
    }
    a += task.a_jump;
  }
  if constexpr ((kForm & kInParts) != 0) {
    UpdateInParts<0>(task, sums);
    if constexpr (kVectors > 1) UpdateInParts<1>(task, sums);
    return;
  }
  T* HWY_RESTRICT c = task.c;
  const int64_t c_stride = task.c_stride;
  const V alpha = hn::Set(d, task.alpha);
  if (task.accumulate) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
      for (int j = 0; j < kVectors; ++j) {
        T* to = c + i * c_stride + j * kLanes;
        const V former = LoadTile<kForm>(d, to, j == kVectors - 1, last_lanes);
        StoreTile<kForm>(d, hn::MulAdd(alpha, sums[i][j], former), to, j == kVectors - 1, last_lanes);
      }
    }
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 16
      for (int j = 0; j < kVectors; ++j) {
        StoreTile<kForm>(d, hn::Mul(alpha, sums[i][j]), c + i * c_stride + j * kLanes, j == kVectors - 1, last_lanes);
      }
    }
  }
}

// c = alpha * tile + (accumulate ? c : 0) along `count` elements: what ComputeTile does to a whole tile, for the parts
// of one that was kept aside.
template <typename T>
HWY_INLINE void UpdateRow(const T* HWY_RESTRICT tile, int64_t count, T alpha, bool accumulate, T* HWY_RESTRICT c) {
  const hn::ScalableTag<T> d;
  const auto factor = hn::Set(d, alpha);
  for (int64_t j = 0; j < count; j += kVectorLanes<T>) {
    const auto sum = hn::LoadU(d, tile + j);
    if (count - j >= kVectorLanes<T>) {
      hn::StoreU(accumulate ? hn::MulAdd(factor, sum, hn::LoadU(d, c + j)) : hn::Mul(factor, sum), d, c + j);
    } else {
      const auto rest = static_cast<size_t>(count - j);
      StoreFirst(d, accumulate ? hn::MulAdd(factor, sum, LoadFirst(d, c + j, rest)) : hn::Mul(factor, sum), c + j,
                 rest);
    }
  }
}

// The height of tiles that are of equal height, as far as that goes, over `extent` rows, at least one.
HWY_INLINE int64_t TileHeight(int64_t extent) {
  const int64_t tiles = CeilDiv(extent, kTileRows);
  return CeilDiv(extent, tiles);
}

template <typename T>
using TileFunction = void (*)(const TileTask<T>&);

// kernels[(rows - 1) * kTileVectors + vectors - 1]
template <typename T>
using TileFunctions = std::array<TileFunction<T>, kTileRows * kTileVectors>;

template <typename T, int kForm, size_t... kIndex>
constexpr TileFunctions<T> MakeTileFunctions(std::index_sequence<kIndex...>) {
  return {&ComputeTile<kIndex / kTileVectors + 1, kIndex % kTileVectors + 1, kForm, T>...};
}

template <typename T, int kForm>
inline constexpr TileFunctions<T> kTileFunctions =
    MakeTileFunctions<T, kForm>(std::make_index_sequence<kTileRows * kTileVectors>());

// The kernels for tiles of one form; partial ones only where there are such, pairs only in packed rows.
template <typename T>
HWY_INLINE const TileFunctions<T>& TileFunctionsFor(bool packed_rows, bool partial, bool pairs) {
#if LOSSD_BF16_PAIRS
  if constexpr (std::is_same_v<T, float>) {
    if (pairs) {
      return partial ? kTileFunctions<T, kPackedRows | kPairs | kPartial> : kTileFunctions<T, kPackedRows | kPairs>;
    }
  }
#endif
  static_cast<void>(pairs);
#if LOSSD_MASKED_STORES
  if (partial) return packed_rows ? kTileFunctions<T, kPackedRows | kPartial> : kTileFunctions<T, kPartial>;
#endif
  static_cast<void>(partial);
  return packed_rows ? kTileFunctions<T, kPackedRows> : kTileFunctions<T, kStridedRows>;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#endif  // LOSSD_CORE_ENGINE_GEMM_KERNEL_INL_H_
