// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A 1x1 convolution, or one tap of a larger one, over channels-last maps [rows, channels]: forward, back to its input,
// and to its weight [out, in]. T is float or double.

#ifndef LOSSD_CORE_LOSSES_CPC_POINTWISE_CONVOLUTION_H_
#define LOSSD_CORE_LOSSES_CPC_POINTWISE_CONVOLUTION_H_

#include <algorithm>
#include <cstdint>

#include "core/engine/gemm.h"
#include "core/engine/workspace.h"

namespace lossd {

// A weight [out, in], packed for either direction or for both. Borrows its memory.
template <typename T>
struct PackedWeight {
  int64_t in = 0;
  int64_t out = 0;
  T* forward = nullptr;                               // As the right operand [in, out].
  T* backward = nullptr;                              // As the right operand [out, in].
  GemmPrecision precision = GemmPrecision::kFloat32;  // Of products with it, and of what is packed.
};

enum class Way { kForward, kBackward };

// A map [rows, channels] whose rows lie side by side.
template <typename T>
BlockedView<T> RowsOfMap(const T* map, int64_t channels) {
  return MatrixView<T>::RowMajor(map, channels);
}

// Takes memory in which a weight can be packed for both ways.
template <typename T>
PackedWeight<T> TakePackedWeight(int64_t in, int64_t out, GemmPrecision precision, Workspace& workspace) {
  T* const forward = workspace.Take<T>(PackedColumnsSize(in, out));
  return {in, out, forward, workspace.Take<T>(PackedColumnsSize(out, in)), precision};
}

// Takes memory in which a weight can be packed for one way at a time.
template <typename T>
PackedWeight<T> TakeWeightOfOneWay(int64_t in, int64_t out, GemmPrecision precision, Workspace& workspace) {
  T* const memory = workspace.Take<T>(std::max(PackedColumnsSize(in, out), PackedColumnsSize(out, in)));
  return {in, out, memory, memory, precision};
}

// Fills it for one way from `weight` in C order.
template <typename T>
void FillPackedWeight(const T* weight, Way way, const PackedWeight<T>& packed) {
  if (way == Way::kForward) {
    PackColumns(packed.in, packed.out, MatrixView<T>::Transposed(weight, packed.in), 0, packed.out, packed.forward,
                packed.precision);
  } else {
    PackColumns(packed.out, packed.in, MatrixView<T>::RowMajor(weight, packed.in), 0, packed.in, packed.backward,
                packed.precision);
  }
}

// to[rows, out] (+)= from[rows, in] weight[out, in]^T
template <typename T>
void Convolve(const BlockedView<T>& from, int64_t rows, const PackedWeight<T>& weight, bool accumulate,
              const BlockedResult<T>& to) {
  const PackedColumns<T> columns = {weight.forward, weight.in, weight.out, 0, weight.out};
  Gemm(rows, weight.out, weight.in, T{1}, from, columns, accumulate, to, weight.precision);
}
template <typename T>
void Convolve(const T* from, int64_t rows, const PackedWeight<T>& weight, bool accumulate, T* to) {
  Convolve(RowsOfMap(from, weight.in), rows, weight, accumulate, BlockedResult<T>(to, weight.out));
}

// to[rows, in] (+)= from[rows, out] weight[out, in]
template <typename T>
void ConvolveBack(const BlockedView<T>& from, int64_t rows, const PackedWeight<T>& weight, bool accumulate,
                  const BlockedResult<T>& to) {
  const PackedColumns<T> columns = {weight.backward, weight.out, weight.in, 0, weight.in};
  Gemm(rows, weight.in, weight.out, T{1}, from, columns, accumulate, to, weight.precision);
}
template <typename T>
void ConvolveBack(const T* from, int64_t rows, const PackedWeight<T>& weight, bool accumulate, T* to) {
  ConvolveBack(RowsOfMap(from, weight.out), rows, weight, accumulate, BlockedResult<T>(to, weight.in));
}

// Input channels [first, first + count) of a weight.
struct InputChannels {
  int64_t first;
  int64_t count;
};

// weight[out, count] = scale * gradient[rows, out]^T input[rows, in] for these input channels; rows of `weight` lie
// `stride` elements apart.
template <typename T>
void Correlate(const BlockedView<T>& gradient, int64_t out, BlockedView<T> input, int64_t rows, InputChannels channels,
               T scale, GemmPrecision precision, T* weight, int64_t stride) {
  input.data += channels.first;
  Gemm(out, channels.count, rows, scale, gradient.Transposed(), input, false, BlockedResult<T>(weight, stride),
       precision);
}

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_CPC_POINTWISE_CONVOLUTION_H_
