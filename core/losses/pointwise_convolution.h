// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A 1x1 convolution, or one tap of a larger one, over channels-last maps [rows, channels]: forward, back to its input,
// and to its weight [out, in]. T is float or double.

#ifndef LOSSD_CORE_LOSSES_POINTWISE_CONVOLUTION_H_
#define LOSSD_CORE_LOSSES_POINTWISE_CONVOLUTION_H_

#include <cstdint>

#include "core/engine/gemm.h"

namespace lossd {

// to[rows, out] (+)= from[rows, in] weight[out, in]^T
template <typename T>
void Convolve(const T* from, int64_t rows, int64_t in, const T* weight, int64_t out, bool accumulate, T* to) {
  Gemm(rows, out, in, T{1}, MatrixView<T>::RowMajor(from, in), MatrixView<T>::Transposed(weight, in), accumulate, to,
       out);
}

// to[rows, in] (+)= from[rows, out] weight[out, in]
template <typename T>
void ConvolveBack(const T* from, int64_t rows, int64_t out, const T* weight, int64_t in, bool accumulate, T* to) {
  Gemm(rows, in, out, T{1}, MatrixView<T>::RowMajor(from, out), MatrixView<T>::RowMajor(weight, in), accumulate, to,
       in);
}

// weight[count, in] = scale * gradient[rows, out]^T input[rows, in], for output channels [first, first + count).
template <typename T>
void Correlate(const T* gradient, int64_t rows, int64_t out, int64_t first, int64_t count, const T* input, int64_t in,
               T scale, T* weight) {
  Gemm(count, in, rows, scale, MatrixView<T>::Transposed(gradient + first, out), MatrixView<T>::RowMajor(input, in),
       false, weight, in);
}

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_POINTWISE_CONVOLUTION_H_
