// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A 1x1 convolution, or one tap of a larger one, over channels-last maps [rows, channels]: forward, back to its input,
// and to its weight [out, in]. T is float or double.

#ifndef LOSSD_CORE_LOSSES_POINTWISE_CONVOLUTION_H_
#define LOSSD_CORE_LOSSES_POINTWISE_CONVOLUTION_H_

#include <cstdint>

#include "core/engine/gemm.h"
#include "core/engine/workspace.h"

namespace lossd {

// A weight [out, in], packed for both directions. Borrows its memory.
template <typename T>
struct PackedWeight {
  int64_t in = 0;
  int64_t out = 0;
  T* forward = nullptr;   // As the right operand [in, out].
  T* backward = nullptr;  // As the right operand [out, in]; null where no gradient goes back.
};

// Takes the memory of a packed weight from `workspace`, not yet filled.
template <typename T>
PackedWeight<T> TakePackedWeight(int64_t in, int64_t out, bool backward, Workspace& workspace) {
  PackedWeight<T> packed{in, out, nullptr, nullptr};
  packed.forward = workspace.Take<T>(PackedColumnsSize(in, out));
  if (backward) packed.backward = workspace.Take<T>(PackedColumnsSize(out, in));
  return packed;
}

// Fills it from `weight` in C order.
template <typename T>
void FillPackedWeight(const T* weight, const PackedWeight<T>& packed) {
  PackColumns(packed.in, packed.out, MatrixView<T>::Transposed(weight, packed.in), 0, packed.out, packed.forward);
  if (packed.backward == nullptr) return;
  PackColumns(packed.out, packed.in, MatrixView<T>::RowMajor(weight, packed.in), 0, packed.in, packed.backward);
}

// to[rows, out] (+)= from[rows, in] weight[out, in]^T
template <typename T>
void Convolve(const T* from, int64_t rows, const PackedWeight<T>& weight, bool accumulate, T* to) {
  const PackedColumns<T> columns = {weight.forward, weight.in, weight.out, 0, weight.out};
  Gemm(rows, weight.out, weight.in, T{1}, MatrixView<T>::RowMajor(from, weight.in), columns, accumulate,
       BlockedResult<T>(to, weight.out));
}

// to[rows, in] (+)= from[rows, out] weight[out, in]
template <typename T>
void ConvolveBack(const T* from, int64_t rows, const PackedWeight<T>& weight, bool accumulate, T* to) {
  const PackedColumns<T> columns = {weight.backward, weight.out, weight.in, 0, weight.in};
  Gemm(rows, weight.in, weight.out, T{1}, MatrixView<T>::RowMajor(from, weight.out), columns, accumulate,
       BlockedResult<T>(to, weight.in));
}

// Input channels [first, first + count) of a weight.
struct InputChannels {
  int64_t first;
  int64_t count;
};

// weight[out, count] = scale * gradient[rows, out]^T input[rows, in] for these input channels; rows of `weight` lie
// `stride` elements apart.
template <typename T>
void Correlate(const T* gradient, int64_t out, const T* input, int64_t in, int64_t rows, InputChannels channels,
               T scale, T* weight, int64_t stride) {
  Gemm(out, channels.count, rows, scale, MatrixView<T>::Transposed(gradient, out),
       MatrixView<T>::RowMajor(input + channels.first, in), false, weight, stride);
}

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_POINTWISE_CONVOLUTION_H_
