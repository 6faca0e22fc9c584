// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Matrix products: the only place where lossd multiplies matrices.

#ifndef LOSSD_CORE_ENGINE_GEMM_H_
#define LOSSD_CORE_ENGINE_GEMM_H_

#include <cstdint>

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
};

// C[m, n] = alpha * A[m, k] B[k, n] + (accumulate ? C : 0), C row-major with `c_stride` elements a row, on the calling
// thread. C is not read unless `accumulate`. m, n or k may be 0.
//
// The bits of an element of C depend on its row of A, its column of B, alpha and k alone: not on m, n, on where in C
// the element lies, on alignment or on strides. So products may be cut and joined along m and n without changing
// results.
void Gemm(int64_t m, int64_t n, int64_t k, float alpha, MatrixView<float> a, MatrixView<float> b, bool accumulate,
          float* c, int64_t c_stride);
void Gemm(int64_t m, int64_t n, int64_t k, double alpha, MatrixView<double> a, MatrixView<double> b, bool accumulate,
          double* c, int64_t c_stride);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_GEMM_H_
