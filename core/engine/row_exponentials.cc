// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/row_exponentials.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/engine/row_exponentials.cc"
#include "hwy/foreach_target.h"
// Highway wants these after foreach_target.h.
#include "core/engine/vector_math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {
namespace {

// Sums are formed in T over so many vectors, then in double: equal terms have equal roundings.
constexpr int64_t kVectorsABlock = 16;

template <typename T>
T MaxOf(const T* row, int64_t count) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto largest = hn::Set(d, -std::numeric_limits<T>::infinity());
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) largest = hn::Max(largest, hn::LoadU(d, row + i));
  T result = hn::GetLane(hn::MaxOfLanes(d, largest));
  for (; i < count; ++i) result = std::max(result, row[i]);
  return result;
}

// Handles whole vectors, at most kVectorsABlock.
template <class D, typename T>
HWY_INLINE double ExponentiateBlock(D d, T* row, int64_t count, hn::Vec<D> reference) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sum = hn::Zero(d);
  for (int64_t i = 0; i < count; i += lanes) {
    const auto e = HWY_NAMESPACE::Exp(d, hn::Sub(hn::LoadU(d, row + i), reference));
    hn::StoreU(e, d, row + i);
    sum = hn::Add(sum, e);
  }
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
}

template <typename T>
double Exponentiate(T* row, int64_t count, T reference) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto references = hn::Set(d, reference);
  const int64_t whole = count / lanes * lanes;
  double sum = 0;
  for (int64_t i = 0; i < whole; i += kVectorsABlock * lanes) {
    sum += ExponentiateBlock(d, row + i, std::min(kVectorsABlock * lanes, whole - i), references);
  }
  if (whole == count) return sum;
  HWY_ALIGN T rest[hn::MaxLanes(d)];
  std::fill_n(rest, lanes, -std::numeric_limits<T>::infinity());
  std::copy_n(row + whole, count - whole, rest);
  sum += ExponentiateBlock(d, rest, lanes, references);
  std::copy_n(rest, count - whole, row + whole);
  return sum;
}

template <typename T>
void Scale(T* row, int64_t count, T factor) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto factors = hn::Set(d, factor);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::Mul(hn::LoadU(d, row + i), factors), d, row + i);
  for (; i < count; ++i) row[i] *= factor;
}

float MaxFloat(const float* row, int64_t count) { return MaxOf(row, count); }
double MaxDouble(const double* row, int64_t count) { return MaxOf(row, count); }
double ExpFloat(float* row, int64_t count, float reference) { return Exponentiate(row, count, reference); }
double ExpDouble(double* row, int64_t count, double reference) { return Exponentiate(row, count, reference); }
void ScaleFloat(float* row, int64_t count, float factor) { Scale(row, count, factor); }
void ScaleDouble(double* row, int64_t count, double factor) { Scale(row, count, factor); }

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lossd {
namespace {
HWY_EXPORT(MaxFloat);
HWY_EXPORT(MaxDouble);
HWY_EXPORT(ExpFloat);
HWY_EXPORT(ExpDouble);
HWY_EXPORT(ScaleFloat);
HWY_EXPORT(ScaleDouble);
}  // namespace

float MaxOfRow(const float* row, int64_t count) { return HWY_DYNAMIC_DISPATCH(MaxFloat)(row, count); }
double MaxOfRow(const double* row, int64_t count) { return HWY_DYNAMIC_DISPATCH(MaxDouble)(row, count); }
double ExponentiateRow(float* row, int64_t count, float reference) {
  return HWY_DYNAMIC_DISPATCH(ExpFloat)(row, count, reference);
}
double ExponentiateRow(double* row, int64_t count, double reference) {
  return HWY_DYNAMIC_DISPATCH(ExpDouble)(row, count, reference);
}
void ScaleRow(float* row, int64_t count, float factor) { HWY_DYNAMIC_DISPATCH(ScaleFloat)(row, count, factor); }
void ScaleRow(double* row, int64_t count, double factor) { HWY_DYNAMIC_DISPATCH(ScaleDouble)(row, count, factor); }

}  // namespace lossd
#endif  // HWY_ONCE
