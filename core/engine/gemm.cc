// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/gemm.h"

#include <algorithm>
#include <cstdint>

#include "core/engine/gemm_plan.h"
#include "core/engine/gemm_precision.h"
#include "core/engine/matrix_run.h"
#include "core/engine/rounding.h"

// Vectors of a length unknown to the compiler cannot be kept in arrays.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/engine/gemm.cc"
#include "hwy/foreach_target.h"
// Highway wants these after foreach_target.h.
#include "core/engine/gemm_driver-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {
namespace {

void MultiplyFloat(const Product<float>& product) { Multiply(product); }
void MultiplyDouble(const Product<double>& product) { Multiply(product); }
void PackColumnsFloat(const PackTask<float>& task) { PackTiles(task, kTileColumns<float>, kPanelColumns); }
void PackColumnsDouble(const PackTask<double>& task) { PackTiles(task, kTileColumns<double>, kPanelColumns); }

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lossd {
namespace {

HWY_EXPORT(MultiplyFloat);
HWY_EXPORT(MultiplyDouble);
HWY_EXPORT(PackColumnsFloat);
HWY_EXPORT(PackColumnsDouble);

bool InBf16(GemmPrecision precision) { return precision == GemmPrecision::kBf16; }

void Run(const Product<float>& product) { HWY_DYNAMIC_DISPATCH(MultiplyFloat)(product); }
void Run(const Product<double>& product) { HWY_DYNAMIC_DISPATCH(MultiplyDouble)(product); }

// A product without terms.
template <typename T>
void SetToZero(const Product<T>& product) {
  for (int64_t i = 0; i < product.m; ++i) {
    for (int64_t j = 0; j < product.n;) {
      const MatrixRun run = RunAt(product.c.columns, j, product.n - j);
      std::fill_n(product.c.data + product.c.rows.Offset(i) + run.offset, run.length, T{0});
      j += run.length;
    }
  }
}

// The plain product needs no simplification.
template <typename T>
void PlainGemm(const Product<T>& product) {
  if (product.m == 0 || product.n == 0) return;
  if (product.k > 0) {
    Run(product);
  } else if (!product.accumulate) {
    SetToZero(product);
  }
}

template <typename T>
BlockedView<T> Simplified(const BlockedView<T>& view) {
  return {view.data, Simplified(view.rows), Simplified(view.columns)};
}

// Columns in blocks of one are rows of the transposed result, whose bits are the same.
template <typename T>
bool IsBetterTransposed(const Product<T>& product) {
  return product.c.columns.block == 1 && product.c.rows.block == Axis::kOneBlock && product.c.rows.stride == 1 &&
         product.b.packed.data == nullptr;
}

template <typename T>
Product<T> Transposed(const Product<T>& product) {
  return {product.n,
          product.m,
          product.k,
          product.alpha,
          product.b.view.Transposed(),
          product.a.Transposed(),
          product.accumulate,
          {product.c.data, Simplified(product.c.columns), product.c.rows},
          product.bf16};
}

template <typename T>
void BlockedGemm(Product<T> product) {
  if (product.m == 0 || product.n == 0) return;
  if (product.k == 0) {
    if (!product.accumulate) SetToZero(product);
    return;
  }
  product.a = Simplified(product.a);
  product.b.view = Simplified(product.b.view);
  product.c.rows = Simplified(product.c.rows);
  if (const Axis columns = Simplified(product.c.columns); columns.stride == 1) product.c.columns = columns;
  if (IsBetterTransposed(product)) {
    Run(Transposed(product));
  } else {
    Run(product);
  }
}

}  // namespace

void Gemm(int64_t m, int64_t n, int64_t k, float alpha, MatrixView<float> a, MatrixView<float> b, bool accumulate,
          float* c, int64_t c_stride, GemmPrecision precision) {
  PlainGemm<float>({m, n, k, alpha, a, b, accumulate, {c, c_stride}, InBf16(precision)});
}

void Gemm(int64_t m, int64_t n, int64_t k, double alpha, MatrixView<double> a, MatrixView<double> b, bool accumulate,
          double* c, int64_t c_stride, GemmPrecision) {
  PlainGemm<double>({m, n, k, alpha, a, b, accumulate, {c, c_stride}});
}

void Gemm(int64_t m, int64_t n, int64_t k, float alpha, const BlockedView<float>& a, const RightOperand<float>& b,
          bool accumulate, const BlockedResult<float>& c, GemmPrecision precision) {
  BlockedGemm<float>({m, n, k, alpha, a, b, accumulate, c, InBf16(precision)});
}

void Gemm(int64_t m, int64_t n, int64_t k, double alpha, const BlockedView<double>& a, const RightOperand<double>& b,
          bool accumulate, const BlockedResult<double>& c, GemmPrecision) {
  BlockedGemm<double>({m, n, k, alpha, a, b, accumulate, c});
}

int64_t PackedColumnsSize(int64_t k, int64_t columns) { return RoundedUp(columns, kPanelColumns) * k; }

PackedColumns<float> PackColumns(int64_t k, int64_t columns, const BlockedView<float>& b, int64_t begin, int64_t end,
                                 float* memory, GemmPrecision precision) {
  const PackTask<float> task = {b.data, Simplified(b.columns), Simplified(b.rows), columns, k, begin, end,
                                memory, InBf16(precision)};
  HWY_DYNAMIC_DISPATCH(PackColumnsFloat)(task);
  return {memory, k, columns, 0, columns};
}

PackedColumns<double> PackColumns(int64_t k, int64_t columns, const BlockedView<double>& b, int64_t begin, int64_t end,
                                  double* memory, GemmPrecision) {
  const PackTask<double> task = {b.data, Simplified(b.columns), Simplified(b.rows), columns, k, begin, end, memory};
  HWY_DYNAMIC_DISPATCH(PackColumnsDouble)(task);
  return {memory, k, columns, 0, columns};
}

}  // namespace lossd
#endif  // HWY_ONCE
