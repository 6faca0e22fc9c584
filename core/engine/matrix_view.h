// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Where the elements of a matrix lie: strided, or in blocks such as the images of a batch of feature maps.

#ifndef LOSSD_CORE_ENGINE_MATRIX_VIEW_H_
#define LOSSD_CORE_ENGINE_MATRIX_VIEW_H_

#include <cstdint>
#include <limits>

namespace lossd {

// A matrix in memory, not owned: element (i, j) is at data[i * row_stride + j * column_stride]. One of the strides is
// 1: row-major has column_stride 1, a transposed view row_stride 1. Elements in units of T, not bytes.
template <typename T>
struct MatrixView {
  const T* data;
  int64_t row_stride;
  int64_t column_stride;

  static MatrixView RowMajor(const T* data, int64_t row_stride) { return {data, row_stride, 1}; }
  static MatrixView Transposed(const T* data, int64_t row_stride) { return {data, 1, row_stride}; }
  // The same elements with rows and columns exchanged.
  MatrixView Transposed() const { return {data, column_stride, row_stride}; }
};

// How far along one axis of a matrix index i lies from where its first block begins: (j / block) * block_stride +
// (j % block) * stride with j = first + i.
struct Axis {
  static constexpr int64_t kOneBlock = std::numeric_limits<int64_t>::max();

  int64_t stride = 1;
  int64_t block = kOneBlock;  // Indices a block, > 0.
  int64_t block_stride = 0;
  int64_t first = 0;  // Where in its block index 0 lies, < block; 0 where there is one block.

  int64_t Offset(int64_t i) const {
    return block == kOneBlock ? i * stride : (first + i) / block * block_stride + (first + i) % block * stride;
  }
};

// A matrix in memory, not owned: element (i, j) is at data[rows.Offset(i) + columns.Offset(j)]. Strides may let
// elements overlap: the 1x3 windows of a channels-last map are the rows of such a view.
template <typename T>
struct BlockedView {
  BlockedView(const T* first, Axis row_axis, Axis column_axis) : data(first), rows(row_axis), columns(column_axis) {}
  BlockedView(MatrixView<T> plain)  // NOLINT(google-explicit-constructor)
      : data(plain.data), rows{plain.row_stride}, columns{plain.column_stride} {}
  BlockedView Transposed() const { return {data, columns, rows}; }

  const T* data;
  Axis rows;
  Axis columns;
};

// Feature maps [J, C, L] in C order as the matrix [C, J*L] whose column j * L + l is position l of image j.
template <typename T>
BlockedView<T> FeatureMaps(const T* maps, int64_t channels, int64_t positions) {
  return {maps, Axis{positions}, Axis{1, positions, channels * positions}};
}

// Where a product is written: element (i, j) at data[rows.Offset(i) + columns.Offset(j)], columns.stride 1, no overlap.
template <typename T>
struct BlockedResult {
  BlockedResult(T* first, int64_t row_stride) : data(first), rows{row_stride}, columns{1} {}
  BlockedResult(T* first, Axis row_axis, Axis column_axis) : data(first), rows(row_axis), columns(column_axis) {}

  T* data;
  Axis rows;
  Axis columns;
};

// FeatureMaps to be written.
template <typename T>
BlockedResult<T> FeatureMapsResult(T* maps, int64_t channels, int64_t positions) {
  return {maps, Axis{positions}, Axis{1, positions, channels * positions}};
}

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_MATRIX_VIEW_H_
