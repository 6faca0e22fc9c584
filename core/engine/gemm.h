// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Matrix products: the only place where lossd multiplies matrices. All functions run on the calling thread, allocate
// nothing but kGemmScratchBytes once a thread, and may be called from any number of threads.

#ifndef LOSSD_CORE_ENGINE_GEMM_H_
#define LOSSD_CORE_ENGINE_GEMM_H_

#include <cstdint>

#include "core/engine/gemm_precision.h"
#include "core/engine/matrix_view.h"
#include "core/engine/packed_matrix.h"

namespace lossd {

// Longest run of k that is summed in one go: sums over longer k are cut into ceil(k / kGemmDepth) equal runs (all but
// the last), whose sums are then added up in order. Who cuts k himself cuts best at multiples of it.
inline constexpr int64_t kGemmDepth = 256;

// For best speed (never for other bits) cut m at multiples of kPanelRows and n at multiples of kPanelColumns (both in
// packed_matrix.h), and give a call at least 5 panels of rows where B has to be packed for it.

// Memory that a thread keeps for packing, from its first product that needs it until its end.
inline constexpr int64_t kGemmScratchBytes = 3 << 19;

// C[m, n] = alpha * A[m, k] B[k, n] + (accumulate ? C : 0), C row-major with `c_stride` elements a row, on the calling
// thread. C is not read unless `accumulate`. m, n or k may be 0. C overlaps neither A nor B.
//
// The bits of an element of C depend on its row of A, its column of B, alpha, k, and where `accumulate` its former
// value alone: not on m, n, on where in C the element lies, on alignment or strides, on whether B was packed
// beforehand. So products may be cut and joined along m and n without changing results. The element is
//   sum over runs of alpha * fma(a_k, b_k, ... fma(a_1, b_1, 0)), each run added to C by one fma;
// the first run of a product that does not accumulate sets C. With floats, `precision` says
// what a_k and b_k are; a B that was packed beforehand was packed for it.
void Gemm(int64_t m, int64_t n, int64_t k, float alpha, MatrixView<float> a, MatrixView<float> b, bool accumulate,
          float* c, int64_t c_stride, GemmPrecision precision = GemmPrecision::kFloat32);
void Gemm(int64_t m, int64_t n, int64_t k, double alpha, MatrixView<double> a, MatrixView<double> b, bool accumulate,
          double* c, int64_t c_stride, GemmPrecision precision = GemmPrecision::kFloat32);

// The right operand of the general product: a view, blocked or plain, or columns that were packed. Implicit, so that
// either can be passed. Borrows; the memory must outlive the call.
template <typename T>
struct RightOperand {
  RightOperand(const BlockedView<T>& b) : view(b) {}                             // NOLINT(google-explicit-constructor)
  RightOperand(MatrixView<T> b) : view(b) {}                                     // NOLINT(google-explicit-constructor)
  RightOperand(const PackedColumns<T>& b) : view(nullptr, {}, {}), packed(b) {}  // NOLINT(google-explicit-constructor)

  BlockedView<T> view;
  PackedColumns<T> packed;  // Used where its data is not null.
};

// The same product for operands in blocks, or a B packed beforehand, and a result in blocks; same contract, same bits.
//
// The three products of a contrast between sources S[R, C] and feature maps T of shape [J, C, L] that stay as they are:
//   X[R, J*L]   = S T:     Gemm(R, J*L, C, scale, S, FeatureMaps(t, C, L), false, {x, J*L});
//   dS[R, C]   += D T^T:   Gemm(R, C, J*L, scale, D, FeatureMaps(t, C, L).Transposed(), true, {ds, C});
//   dT[C, J*L] += S^T D:   Gemm(C, J*L, R, scale, S.Transposed(), D, true, FeatureMapsResult(dt, C, L));
void Gemm(int64_t m, int64_t n, int64_t k, float alpha, const BlockedView<float>& a, const RightOperand<float>& b,
          bool accumulate, const BlockedResult<float>& c, GemmPrecision precision = GemmPrecision::kFloat32);
void Gemm(int64_t m, int64_t n, int64_t k, double alpha, const BlockedView<double>& a, const RightOperand<double>& b,
          bool accumulate, const BlockedResult<double>& c, GemmPrecision precision = GemmPrecision::kFloat32);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_GEMM_H_
