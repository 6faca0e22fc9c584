// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The contrast of rows among themselves (SimCLR's NT-Xent): scores, loss, gradients.
//
// The M = 2N rows of two views are compared with each other: s_ik = <row_i, row_k> / T. Row i's pick p(i) is the same
// row of the other view; every other row k != i is a negative. With n_i the log-sum-exp of the negatives' scores and
// sig_i = sigmoid(n_i - s_ip(i)):
//   loss = mean over i of softplus(n_i - s_ip(i))
//   D_ip(i) = -sig_i / M,  D_ik = sig_i exp(s_ik - n_i) / M for the negatives,  gradient of row i = sum_k (D + D^T)_ik
//   row_k / T
// The scores are symmetric, so each is formed for one of (i, k) and (k, i) only; twice in all, once for the sums and
// once for the gradients: 4 M^2 D operations where keeping a chunk of full rows would take 6 M^2 D, and nothing of the
// size of the scores is kept.

#ifndef LOSSD_CORE_ENGINE_CONTRAST_ROWS_H_
#define LOSSD_CORE_ENGINE_CONTRAST_ROWS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/engine/parallel.h"

namespace lossd {

// What to compute. Pointers are not owned; T is float or double.
template <typename T>
struct RowContrast {
  int64_t rows;                                      // N of each view, at least 1.
  int64_t width;                                     // D, at least 1.
  double temperature;                                // T: finite, > 0.
  std::array<const T*, 2> views;                     // [N, D] each.
  double weight = 0;                                 // Upstream gradient of the loss.
  std::array<T*, 2> gradients = {nullptr, nullptr};  // [N, D] each, overwritten. Null: not wanted.
};

// Bytes of workspace for views of N rows.
template <typename T>
int64_t RowContrastWorkspaceBytes(int64_t rows);

// Computes the loss, and the gradients that are wanted, in `workspace`, aligned to kBufferAlignment. Returns early,
// with a meaningless result, once `cancelled` (may be null) is true. Thread-safe. Same bits whatever `parallel` does.
template <typename T>
double ComputeRowContrast(const RowContrast<T>& contrast, std::byte* workspace, const std::atomic<bool>* cancelled,
                          Parallel& parallel);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CONTRAST_ROWS_H_
