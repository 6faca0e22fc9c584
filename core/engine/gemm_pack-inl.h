// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Packing of panels: k steps of `width` neighbouring rows of A or columns of B, one step after the other. For sources
// compiled once per target.

#if defined(LOSSD_CORE_ENGINE_GEMM_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOSSD_CORE_ENGINE_GEMM_PACK_INL_H_
#undef LOSSD_CORE_ENGINE_GEMM_PACK_INL_H_
#else
#define LOSSD_CORE_ENGINE_GEMM_PACK_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/engine/matrix_run.h"
#include "core/engine/packed_matrix.h"
#include "core/engine/partial_vector-inl.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// What a panel is packed from: element (step p, lane i) at data[along.Offset(first_step + p) + across.Offset(first_lane
// + i)], for `steps` steps and `lanes` lanes.
template <typename T>
struct PanelSource {
  const T* data;
  Axis across;
  int64_t first_lane;
  int64_t lanes;
  Axis along;
  int64_t first_step;
  int64_t steps;
};

// Panels that are copied side by side, so that neighbours in memory are read together.
inline constexpr int64_t kCopiedPanels = 4;

template <typename T>
HWY_INLINE void CopyRuns(const T* HWY_RESTRICT from, const MatrixRuns& runs, T* HWY_RESTRICT to) {
  const hn::ScalableTag<T> d;
  const auto kLanes = static_cast<int64_t>(hn::MaxLanes(d));
  for (const MatrixRun& run : runs) {
    int64_t i = 0;
    for (; i + kLanes <= run.length; i += kLanes) hn::StoreU(hn::LoadU(d, from + run.offset + i), d, to + i);
    const auto rest = static_cast<size_t>(run.length - i);
    if (rest > 0) StoreFirst(d, LoadFirst(d, from + run.offset + i, rest), to + i, rest);
    to += run.length;
  }
}

// Lanes lie side by side in memory: each step copies the runs between block ends. At most kCopiedPanels panels.
template <typename T>
void CopyPanels(const PanelSource<T>& source, int64_t width, T* HWY_RESTRICT panels) {
  std::array<MatrixRuns, kCopiedPanels> runs;
  size_t count = 0;
  for (int64_t lane = 0; lane < source.lanes; lane += width) {
    runs[count++] = MatrixRuns(source.across, source.first_lane + lane, std::min(width, source.lanes - lane));
  }
  for (int64_t p = 0; p < source.steps;) {
    const MatrixRun steps = RunAt(source.along, source.first_step + p, source.steps - p);
    const T* from = source.data + steps.offset;
    for (int64_t q = 0; q < steps.length; ++q, ++p, from += source.along.stride) {
      T* to = panels + p * width;
      for (size_t panel = 0; panel < count; ++panel, to += source.steps * width) CopyRuns(from, runs[panel], to);
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
// Stores the 128-bit blocks of v, `distance` elements from one to the next.
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE void StoreBlocks(D d, hn::Vec<D> v, int64_t distance, T* HWY_RESTRICT to) {
  constexpr size_t kLanes = hn::MaxLanes(d);
  if constexpr (kLanes * sizeof(T) <= 16) {
    hn::StoreU(v, d, to);
  } else {
    const hn::Half<D> half;
    StoreBlocks(half, hn::LowerHalf(half, v), distance, to);
    StoreBlocks(half, hn::UpperHalf(half, v), distance, to + static_cast<int64_t>(kLanes * sizeof(T) / 32) * distance);
  }
}

// Transposes a vector of steps of as many lanes as a 128-bit block holds: step p of lane i goes to panel[p * width +
// i].
template <class D>
HWY_INLINE void TransposeSteps(D d, const float* const* lanes, int64_t step, int64_t width, float* HWY_RESTRICT panel) {
  const hn::Repartition<uint64_t, D> pairs;
  const auto a = hn::LoadU(d, lanes[0] + step);
  const auto b = hn::LoadU(d, lanes[1] + step);
  const auto c = hn::LoadU(d, lanes[2] + step);
  const auto e = hn::LoadU(d, lanes[3] + step);
  const auto ab_low = hn::BitCast(pairs, hn::InterleaveLower(d, a, b));
  const auto ab_high = hn::BitCast(pairs, hn::InterleaveUpper(d, a, b));
  const auto ce_low = hn::BitCast(pairs, hn::InterleaveLower(d, c, e));
  const auto ce_high = hn::BitCast(pairs, hn::InterleaveUpper(d, c, e));
  StoreBlocks(d, hn::BitCast(d, hn::InterleaveLower(pairs, ab_low, ce_low)), 4 * width, panel);
  StoreBlocks(d, hn::BitCast(d, hn::InterleaveUpper(pairs, ab_low, ce_low)), 4 * width, panel + width);
  StoreBlocks(d, hn::BitCast(d, hn::InterleaveLower(pairs, ab_high, ce_high)), 4 * width, panel + 2 * width);
  StoreBlocks(d, hn::BitCast(d, hn::InterleaveUpper(pairs, ab_high, ce_high)), 4 * width, panel + 3 * width);
}
template <class D>
HWY_INLINE void TransposeSteps(D d, const double* const* lanes, int64_t step, int64_t width,
                               double* HWY_RESTRICT panel) {
  const auto a = hn::LoadU(d, lanes[0] + step);
  const auto b = hn::LoadU(d, lanes[1] + step);
  StoreBlocks(d, hn::InterleaveLower(d, a, b), 2 * width, panel);
  StoreBlocks(d, hn::InterleaveUpper(d, a, b), 2 * width, panel + width);
}
#endif

// Steps lie side by side in memory: lanes are transposed by vectors, by blocks, and one by one what is left over.
template <typename T>
void TransposePanel(const PanelSource<T>& source, int64_t width, T* HWY_RESTRICT panel) {
  constexpr int64_t kSquare = HWY_TARGET == HWY_SCALAR ? 1 : 16 / sizeof(T);
  for (int64_t p = 0; p < source.steps;) {
    const MatrixRun steps = RunAt(source.along, source.first_step + p, source.steps - p);
    for (int64_t i = 0; i < source.lanes; i += kSquare) {
      const int64_t lanes = std::min(kSquare, source.lanes - i);
      const T* from[kSquare];
      for (int64_t l = 0; l < lanes; ++l) {
        from[l] = source.data + steps.offset + source.across.Offset(source.first_lane + i + l);
      }
      T* to = panel + p * width + i;
      int64_t q = 0;
#if HWY_TARGET != HWY_SCALAR
      if (lanes == kSquare) {
        const hn::ScalableTag<T> d;
        constexpr auto kLanes = static_cast<int64_t>(hn::MaxLanes(d));
        for (; q + kLanes <= steps.length; q += kLanes) TransposeSteps(d, from, q, width, to + q * width);
        const hn::FixedTag<T, kSquare> block;
        for (; q + kSquare <= steps.length; q += kSquare) TransposeSteps(block, from, q, width, to + q * width);
      }
#endif
      for (; q < steps.length; ++q) {
        for (int64_t l = 0; l < lanes; ++l) to[q * width + l] = from[l][q];
      }
    }
    p += steps.length;
  }
}

// Neither is contiguous.
template <typename T>
void GatherPanel(const PanelSource<T>& source, int64_t width, T* HWY_RESTRICT panel) {
  for (int64_t i = 0; i < source.lanes; ++i) {
    const T* lane = source.data + source.across.Offset(source.first_lane + i);
    for (int64_t p = 0; p < source.steps; ++p) {
      panel[p * width + i] = lane[source.along.Offset(source.first_step + p)];
    }
  }
}

// Fills neighbouring panels[steps * width], as many as the lanes take; lanes that the last one lacks become 0.
template <typename T>
void PackPanels(const PanelSource<T>& source, int64_t width, T* panels) {
  const int64_t group = source.across.stride == 1 ? kCopiedPanels * width : width;
  for (int64_t lane = 0; lane < source.lanes; lane += group) {
    PanelSource<T> part = source;
    part.first_lane += lane;
    part.lanes = std::min(group, source.lanes - lane);
    T* const to = panels + lane * source.steps;
    if (const int64_t rest = part.lanes % width; rest > 0) {
      std::fill_n(to + (part.lanes - rest) * source.steps, source.steps * width, T{0});
    }
    if (source.across.stride == 1) {
      CopyPanels(part, width, to);
    } else if (source.along.stride == 1) {
      TransposePanel(part, width, to);
    } else {
      GatherPanel(part, width, to);
    }
  }
}

// Asks for part `part` of `parts` of what a panel is packed from, so that it is near when it is packed.
template <typename T>
void PrefetchPanel(const PanelSource<T>& source, int64_t part, int64_t parts) {
  constexpr int64_t kLine = 64 / sizeof(T);
  const bool by_step = source.across.stride == 1;
  const int64_t outer = by_step ? source.steps : source.lanes;
  const int64_t inner = by_step ? source.lanes : source.steps;
  for (int64_t i = outer * part / parts; i < outer * (part + 1) / parts; ++i) {
    for (int64_t j = 0; j < inner; j += kLine) {
      hwy::Prefetch(source.data + source.across.Offset(source.first_lane + (by_step ? j : i)) +
                    source.along.Offset(source.first_step + (by_step ? i : j)));
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#endif  // LOSSD_CORE_ENGINE_GEMM_PACK_INL_H_
