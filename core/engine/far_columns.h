// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Columns whose sums, squares or covariances leave the range of their type, while what is made of them does not.
// Functions of their arguments alone, for any thread.

#ifndef LOSSD_CORE_ENGINE_FAR_COLUMNS_H_
#define LOSSD_CORE_ENGINE_FAR_COLUMNS_H_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace lossd {

// By which centred columns are multiplied where one of their elements is above the bound: covariances of them, times a
// column, stay within T's range then. A power of two.
struct FarColumns {
  double bound;
  double factor;
};
template <typename T>
inline constexpr std::array<FarColumns, 2> kFarColumns = {FarColumns{0x1p300, 0x1p-500}, {0x1p800, 0x1p-900}};
template <>
inline constexpr std::array<FarColumns, 2> kFarColumns<float> = {FarColumns{0x1p30, 0x1p-50}, {0x1p80, 0x1p-100}};

// That factor, of columns whose largest element is this; else 1.
template <typename T>
double NearFactor(double largest) {
  double factor = 1;
  for (const FarColumns& far : kFarColumns<T>) {
    if (largest > far.bound && std::isfinite(largest)) factor = far.factor;
  }
  return factor;
}

// Writes `count` elements, centred(0) and so on, times their factor, which is returned; nothing where that is 1.
template <typename T, typename Centred>
double WriteNear(const Centred& centred, int64_t count, T* columns) {
  double largest = 0;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(centred(i)));
  const double factor = NearFactor<T>(largest);
  for (int64_t i = 0; factor != 1 && i < count; ++i) columns[i] = static_cast<T>(centred(i) * factor);
  return factor;
}

// The mean of `rows` numbers, so many elements apart, whose sum doubles do not hold.
template <typename T>
double FarMean(const T* column, int64_t rows, int64_t stride) {
  double mean = 0;
  for (int64_t n = 0; n < rows; ++n) mean += static_cast<double>(column[n * stride]) / static_cast<double>(rows);
  return mean;
}

// sqrt(sum of squares / samples + eps) of `rows` numbers, centred(0) and so on, whose squares doubles do not hold, or
// hardly.
template <typename Centred>
double FarDeviation(const Centred& centred, int64_t rows, double samples, double eps) {
  double largest = 0;
  for (int64_t n = 0; n < rows; ++n) largest = std::max(largest, std::abs(centred(n)));
  // Beside an eps, what small ones are does not matter.
  const bool counts = largest > 1 || (eps == 0 && largest > 0);
  const int exponent = counts && std::isfinite(largest) ? std::ilogb(largest) : 0;
  double squares = 0;
  for (int64_t n = 0; n < rows; ++n) {
    const double scaled = std::ldexp(centred(n), -exponent);
    squares += scaled * scaled;
  }
  return std::ldexp(std::sqrt(squares / samples + std::ldexp(eps, -2 * exponent)), exponent);
}

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_FAR_COLUMNS_H_
