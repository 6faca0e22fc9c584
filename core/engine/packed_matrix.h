// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Right operands in the order in which the product reads them, packed once to be used in many products: worth it where
// the same B meets many row chunks of A.

#ifndef LOSSD_CORE_ENGINE_PACKED_MATRIX_H_
#define LOSSD_CORE_ENGINE_PACKED_MATRIX_H_

#include <cstdint>

#include "core/engine/gemm_precision.h"
#include "core/engine/matrix_view.h"

namespace lossd {

// Rows and columns of a panel, on every processor: cuts of packed matrices fall on multiples of kPanelColumns.
inline constexpr int64_t kPanelRows = 12;
inline constexpr int64_t kPanelColumns = 64;

// Columns [first, first + count) of a right operand [k, extent] that was packed into memory the caller owns. Readable
// by any number of threads. The layout belongs to this process: not to be stored or sent.
template <typename T>
struct PackedColumns {
  const T* data = nullptr;
  int64_t k = 0;
  int64_t extent = 0;
  int64_t first = 0;
  int64_t count = 0;

  // Columns [begin, begin + size) of these. Precondition: begin is a multiple of kPanelColumns.
  PackedColumns Slice(int64_t begin, int64_t size) const { return {data, k, extent, first + begin, size}; }
};

// Elements of memory that packing takes: k times the number of columns, rounded up to whole panels.
int64_t PackedColumnsSize(int64_t k, int64_t columns);

// Packs columns [begin, end) of b[k, columns] into their places in `memory` (PackedColumnsSize elements, aligned to 64
// bytes) and returns the whole. Calls for disjoint ranges may run at the same time; `begin` is a multiple of
// kPanelColumns, and `end` too unless it is `columns`. The result may be used in products of this `precision` over
// those columns that have been packed.
PackedColumns<float> PackColumns(int64_t k, int64_t columns, const BlockedView<float>& b, int64_t begin, int64_t end,
                                 float* memory, GemmPrecision precision = GemmPrecision::kFloat32);
PackedColumns<double> PackColumns(int64_t k, int64_t columns, const BlockedView<double>& b, int64_t begin, int64_t end,
                                  double* memory, GemmPrecision precision = GemmPrecision::kFloat32);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_PACKED_MATRIX_H_
