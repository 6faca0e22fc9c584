// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Elementwise passes over channels-last maps, matrices of [rows, channels] that lie contiguous. They run on the calling
// thread between matrix products. T is float or double.

#ifndef LOSSD_CORE_LOSSES_CPC_CHANNEL_SWEEPS_H_
#define LOSSD_CORE_LOSSES_CPC_CHANNEL_SWEEPS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace lossd {

// x > 0 ? x : 0, and NaN for NaN.
template <typename T>
T Relu(T x) {
  return x <= 0 ? T{0} : x;
}

// to[r] = from[r] + bias. May be in place.
template <typename T>
void AddBias(const T* from, int64_t rows, int64_t channels, const T* bias, T* to) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < channels; ++c) to[r * channels + c] = from[r * channels + c] + bias[c];
  }
}

// x[r] = relu(x[r] + bias).
template <typename T>
void AddBiasAndRelu(int64_t rows, int64_t channels, const T* bias, T* x) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < channels; ++c) x[r * channels + c] = Relu(x[r * channels + c] + bias[c]);
  }
}

// The backward of relu: gradient = 0 wherever its result `activation` is 0.
template <typename T>
void MaskByRelu(const T* activation, int64_t count, T* gradient) {
  for (int64_t i = 0; i < count; ++i) gradient[i] = activation[i] <= 0 ? T{0} : gradient[i];
}

// sums[c] += the sum over the rows of x[r][c], for `count` channels from `first` on. The order of the sum is that of
// the rows.
template <typename T>
void AddColumnSums(const T* x, int64_t rows, int64_t channels, int64_t first, int64_t count, double* sums) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = x + r * channels + first;
    for (int64_t c = 0; c < count; ++c) sums[c] += static_cast<double>(row[c]);
  }
}

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_CPC_CHANNEL_SWEEPS_H_
