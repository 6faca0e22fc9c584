// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Matrices kept in panels: a few neighbouring columns side by side, row after row, and then the next columns. A panel
// is read in the order in which it lies, sums over its rows need no sums over lanes, and no vector has lanes left over
// but in the last panel, whose columns behind the last one exist in memory.

#ifndef LOSSD_CORE_ENGINE_PANELS_H_
#define LOSSD_CORE_ENGINE_PANELS_H_

#include <cstdint>

#include "core/engine/matrix_view.h"
#include "core/engine/rounding.h"

namespace lossd {

// Columns of a panel of a matrix with so many columns: those of one cache line, or of two.
template <typename T>
constexpr int64_t PanelWidth(int64_t columns) {
  constexpr auto kLine = static_cast<int64_t>(64 / sizeof(T));
  return columns <= kLine ? kLine : 2 * kLine;
}

// Extents of a matrix in panels.
struct Panels {
  int64_t rows;
  int64_t columns;
  int64_t width;

  int64_t count() const { return CeilDiv(columns, width); }
  int64_t padded_columns() const { return count() * width; }
  // Elements of a panel.
  int64_t panel_size() const { return rows * width; }
  // Elements of memory.
  int64_t size() const { return rows * padded_columns(); }
  Axis ColumnAxis() const { return count() == 1 ? Axis{1} : Axis{1, width, panel_size()}; }
  // Where an element lies.
  int64_t Offset(int64_t row, int64_t column) const {
    return column / width * panel_size() + row * width + column % width;
  }
};

// The matrix as an operand of a product.
template <typename T>
BlockedView<T> PanelView(const T* data, const Panels& panels) {
  return {data, Axis{panels.width}, panels.ColumnAxis()};
}

// The matrix as the result of one.
template <typename T>
BlockedResult<T> PanelResult(T* data, const Panels& panels) {
  return {data, Axis{panels.width}, panels.ColumnAxis()};
}

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_PANELS_H_
