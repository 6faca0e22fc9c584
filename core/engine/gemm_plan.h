// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a product is, and how it is cut into blocks and which operands are packed. None of it changes bits, but for the
// depth, which depends on k alone.

#ifndef LOSSD_CORE_ENGINE_GEMM_PLAN_H_
#define LOSSD_CORE_ENGINE_GEMM_PLAN_H_

#include <cstdint>

#include "core/engine/gemm.h"
#include "core/engine/matrix_view.h"
#include "core/engine/rounding.h"

namespace lossd {

// The arguments of Gemm. Axes are simplified.
template <typename T>
struct Product {
  int64_t m;
  int64_t n;
  int64_t k;
  T alpha;
  BlockedView<T> a;
  RightOperand<T> b;
  bool accumulate;
  BlockedResult<T> c;
  bool bf16 = false;  // GemmPrecision::kBf16; never of doubles.
};

// Columns of B [begin, end) of `extent`, with all k steps, to be packed into their places in `memory`.
template <typename T>
struct PackTask {
  const T* data;
  Axis across;
  Axis along;
  int64_t extent;
  int64_t k;
  int64_t begin;
  int64_t end;
  T* memory;
  bool bf16 = false;
};

// The register tile of the target that computes.
struct TileShape {
  int64_t rows;
  int64_t columns;
  int64_t lanes;  // Columns of a vector.
  bool partial;   // Whether there are tiles that end within a vector.
};

// How a product is computed.
struct ProductPlan {
  bool pack_rows;     // A is packed block by block; else read in place.
  bool pack_columns;  // B is packed panel by panel; else it was packed beforehand, or is read in place, but for a last
                      // panel that is not full.
  int64_t rows;       // Rows of A a block, a multiple of the tile's.
  int64_t columns;    // Columns of B a block, a multiple of the tile's.
  int64_t depth;      // Steps of k a run.
};

// Length of all runs of k but the last, of at most `most` each.
inline int64_t RunDepth(int64_t k, int64_t most = kGemmDepth) {
  if (k <= most) return k;
  const int64_t runs = CeilDiv(k, most);
  return CeilDiv(k, runs);
}

// Elements of the scratch: first a block of packed rows, then packed columns.
template <typename T>
inline constexpr int64_t kScratchRowElements = (384 << 10) / sizeof(T);
template <typename T>
inline constexpr int64_t kScratchColumnElements = (1 << 20) / sizeof(T);

// Whether packing would cost more than it saves: few rows, or short columns, with columns of B side by side. Where B or
// C is in blocks of columns, tiles end where blocks do.
bool IsBestInPlace(const Product<float>& product, TileShape tile);
bool IsBestInPlace(const Product<double>& product, TileShape tile);

// Chooses blocks so that packed rows fit into kScratchRowElements and packed columns into kScratchColumnElements.
ProductPlan PlanProduct(const Product<float>& product, TileShape tile);
ProductPlan PlanProduct(const Product<double>& product, TileShape tile);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_GEMM_PLAN_H_
