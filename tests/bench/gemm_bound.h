// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The matrix products that a computation cannot avoid, alone: what it can at best be measured against.

#ifndef LOSSD_TESTS_BENCH_GEMM_BOUND_H_
#define LOSSD_TESTS_BENCH_GEMM_BOUND_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace lossd::bench {

// C[m, n] = A[m, k] B[k, n] in float, `times` over.
struct BoundProduct {
  int64_t m;
  int64_t n;
  int64_t k;
  int64_t times = 1;
};

// Scores [rows, columns] of vectors of `width` elements, a block of rows at a time, and both gradients.
std::vector<BoundProduct> ContrastProducts(int64_t rows, int64_t columns, int64_t width);

// Operations of all products.
double BoundFlops(const std::vector<BoundProduct>& products);

// Lets OpenBLAS's threads, here and in processes started later, spin for some milliseconds only when they run out of
// work, instead of the tenth of a second for which they would take a processor from whoever is measured next. To be
// called before OpenBLAS is loaded.
void ShortenOpenBlasSpinning();

// OpenBLAS, found at run time.
class OpenBlas {
 public:
  // Opens the shared library; throws std::runtime_error naming it if there is none.
  OpenBlas();

  void SetThreads(int threads) const { set_threads_(threads); }
  // C = A B, all row-major, A and B perhaps stored transposed.
  void Multiply(bool a_transposed, bool b_transposed, int64_t m, int64_t n, int64_t k, const float* a, const float* b,
                float* c) const;
  // What it calls its kernels for this processor.
  std::string core_name() const;

 private:
  void* library_;
  void (*set_threads_)(int);
  void (*sgemm_)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
};

// Functions that compute all products once, each in the layout (A, B transposed or not) that was fastest beforehand.
std::function<void()> BoundByOpenBlas(const OpenBlas& blas, int threads, const std::vector<BoundProduct>& products);
// The same by our own matrix product, cut along its longer side among threads.
std::function<void()> BoundByLossd(int threads, const std::vector<BoundProduct>& products);

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_GEMM_BOUND_H_
