// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/gemm.h"

namespace lossd {
namespace {

template <typename T>
void GemmRow(int64_t n, int64_t k, T alpha, const MatrixView<T>& a, const MatrixView<T>& b, bool accumulate, int64_t i,
             T* c) {
  for (int64_t j = 0; j < n; ++j) {
    T sum = 0;
    const T* row = a.data + i * a.row_stride;
    const T* column = b.data + j * b.column_stride;
    for (int64_t p = 0; p < k; ++p) sum += row[p * a.column_stride] * column[p * b.row_stride];
    c[j] = alpha * sum + (accumulate ? c[j] : T{0});
  }
}

}  // namespace

void Gemm(int64_t m, int64_t n, int64_t k, float alpha, MatrixView<float> a, MatrixView<float> b, bool accumulate,
          float* c, int64_t c_stride) {
  for (int64_t i = 0; i < m; ++i) GemmRow(n, k, alpha, a, b, accumulate, i, c + i * c_stride);
}

void Gemm(int64_t m, int64_t n, int64_t k, double alpha, MatrixView<double> a, MatrixView<double> b, bool accumulate,
          double* c, int64_t c_stride) {
  for (int64_t i = 0; i < m; ++i) GemmRow(n, k, alpha, a, b, accumulate, i, c + i * c_stride);
}

}  // namespace lossd
