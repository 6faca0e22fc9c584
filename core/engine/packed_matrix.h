// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Operands in the order in which the product reads them, packed once to be used in many products: worth it where the
// same B meets many row chunks of A, or the same A many column chunks of B.

#ifndef LOSSD_CORE_ENGINE_PACKED_MATRIX_H_
#define LOSSD_CORE_ENGINE_PACKED_MATRIX_H_

#include <cstdint>

#include "core/engine/gemm_precision.h"
#include "core/engine/matrix_view.h"

namespace lossd {

// Cuts of packed matrices fall on multiples of these, on every processor.
inline constexpr int64_t kPanelRows = 12;
inline constexpr int64_t kPanelColumns = 64;

// Rows [first, first + count) of a left operand [extent, k] that was packed into memory the caller owns. Readable by
// any number of threads. The layout belongs to this process: not to be stored or sent.
template <typename T>
struct PackedRows {
  const T* data = nullptr;
  int64_t k = 0;
  int64_t extent = 0;
  int64_t first = 0;
  int64_t count = 0;

  // Rows [begin, begin + size) of these. Precondition: begin is a multiple of kPanelRows.
  PackedRows Slice(int64_t begin, int64_t size) const { return {data, k, extent, first + begin, size}; }
};

// The same for columns of a right operand [k, extent]; slices begin at multiples of kPanelColumns.
template <typename T>
struct PackedColumns {
  const T* data = nullptr;
  int64_t k = 0;
  int64_t extent = 0;
  int64_t first = 0;
  int64_t count = 0;

  PackedColumns Slice(int64_t begin, int64_t size) const { return {data, k, extent, first + begin, size}; }
};

// Elements of memory that packing takes: k times the number of rows or columns, rounded up, and a little.
int64_t PackedRowsSize(int64_t rows, int64_t k);
int64_t PackedColumnsSize(int64_t k, int64_t columns);

// Packs rows [begin, end) of a[rows, k] into their places in `memory` (PackedRowsSize elements, aligned to 64 bytes)
// and returns the whole. Calls for disjoint ranges may run at the same time; `begin` is a multiple of kPanelRows, and
// `end` too unless it is `rows`. The result may be used in products of this
// `precision` over those rows that have been packed.
PackedRows<float> PackRows(int64_t rows, int64_t k, const BlockedView<float>& a, int64_t begin, int64_t end,
                           float* memory, GemmPrecision precision = GemmPrecision::kFloat32);
PackedRows<double> PackRows(int64_t rows, int64_t k, const BlockedView<double>& a, int64_t begin, int64_t end,
                            double* memory, GemmPrecision precision = GemmPrecision::kFloat32);

// Packs columns [begin, end) of b[k, columns] likewise; ranges are cut at multiples of kPanelColumns.
PackedColumns<float> PackColumns(int64_t k, int64_t columns, const BlockedView<float>& b, int64_t begin, int64_t end,
                                 float* memory, GemmPrecision precision = GemmPrecision::kFloat32);
PackedColumns<double> PackColumns(int64_t k, int64_t columns, const BlockedView<double>& b, int64_t begin, int64_t end,
                                  double* memory, GemmPrecision precision = GemmPrecision::kFloat32);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_PACKED_MATRIX_H_
