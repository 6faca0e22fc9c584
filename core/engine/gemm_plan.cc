// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/gemm_plan.h"

#include <algorithm>
#include <limits>

#include "core/engine/rounding.h"

namespace lossd {
namespace {

// Up to this many panels, columns are too few for packed rows to pay.
constexpr int64_t kInPlacePanels = 2;
// Up to this many tiles, rows are too few for packed columns to pay.
constexpr int64_t kInPlaceTiles = 2;
// Likewise up to so many rows where k is short: then a panel read in place stays in the first-level cache.
constexpr int64_t kInPlaceSteps = 64;
constexpr int64_t kInPlaceRows = 256;
// Multiply-adds up to which nothing is worth preparing.
constexpr int64_t kTinyProduct = 4096;

bool IsPlain(const Axis& axis) { return axis.block == Axis::kOneBlock; }

// Whether tiles that end where blocks do waste less of their vectors than packing takes.
bool BlocksFillVectors(const Axis& axis, TileShape tile) {
  return IsPlain(axis) || (tile.partial && 5 * RoundedUp(axis.block, tile.lanes) <= 7 * axis.block);
}

template <typename T>
bool InPlace(const Product<T>& product, TileShape tile) {
  const BlockedView<T>& a = product.a;
  const BlockedView<T>& b = product.b.view;
  if (product.bf16 || product.b.packed.data != nullptr) return false;
  if (!IsPlain(a.rows) || !IsPlain(a.columns) || !IsPlain(b.rows) || b.columns.stride != 1) return false;
  if (!tile.partial && product.n % tile.lanes != 0) return false;
  if (tile.partial && IsPlain(product.c.columns) && product.m * product.n * product.k <= kTinyProduct) return true;
  if (!BlocksFillVectors(b.columns, tile) || !BlocksFillVectors(product.c.columns, tile)) return false;
  return product.m <= kInPlaceTiles * tile.rows ||
         (product.k <= kInPlaceSteps && product.m <= kInPlaceRows && IsPlain(b.columns) && IsPlain(product.c.columns));
}

template <typename T>
ProductPlan PlanOf(const Product<T>& product, TileShape tile) {
  ProductPlan plan;
  plan.depth = RunDepth(product.k);
  const auto& a = product.a;
  const auto& b = product.b.view;
  plan.pack_rows = product.bf16 || !IsPlain(a.rows) || !IsPlain(a.columns) || product.n > kInPlacePanels * tile.columns;
  plan.pack_columns =
      product.b.packed.data == nullptr && !(!product.bf16 && IsPlain(b.rows) && IsPlain(b.columns) &&
                                            b.columns.stride == 1 && product.m <= kInPlaceTiles * tile.rows);
  // Blocks of equal height: none is left with a few rows.
  const int64_t most = kScratchRowElements<T> / kGemmDepth / kPanelRows * kPanelRows;
  const int64_t blocks = product.m <= most ? 1 : CeilDiv(product.m, most);
  plan.rows = blocks == 1 ? most : RoundedUp(CeilDiv(product.m, blocks), kPanelRows);
  // With a single block of rows each panel of columns is used once, right after it was packed.
  plan.columns = blocks == 1 ? std::numeric_limits<int64_t>::max() : kScratchColumnElements<T> / kGemmDepth;
  return plan;
}

}  // namespace

bool IsBestInPlace(const Product<float>& product, TileShape tile) { return InPlace(product, tile); }
bool IsBestInPlace(const Product<double>& product, TileShape tile) { return InPlace(product, tile); }

ProductPlan PlanProduct(const Product<float>& product, TileShape tile) { return PlanOf(product, tile); }
ProductPlan PlanProduct(const Product<double>& product, TileShape tile) { return PlanOf(product, tile); }

}  // namespace lossd
