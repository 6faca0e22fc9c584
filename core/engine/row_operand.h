// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Rows of vectors as a contrast's products read them: as they are, or divided by their norms. And the way back: from
// gradients of what the products read to gradients of the rows.

#ifndef LOSSD_CORE_ENGINE_ROW_OPERAND_H_
#define LOSSD_CORE_ENGINE_ROW_OPERAND_H_

#include <cstdint>
#include <functional>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "core/engine/parallel.h"
#include "core/tensor/buffer_pool.h"

namespace lossd {

// Rows [count, width] of the caller, and where their gradient goes. Not owned. T is float or double.
template <typename T>
struct RowPart {
  const T* rows = nullptr;
  T* gradient = nullptr;  // Null: not wanted.
  int64_t count = 0;
};

// Not thread-safe; its methods use the threads of a Parallel, and give the same bits with any number of them.
template <typename T>
class RowOperand {
 public:
  using Parts = absl::InlinedVector<RowPart<T>, 4>;

  RowOperand(Parts parts, int64_t width, bool normalize) : parts_(parts), width_(width), normalize_(normalize) {
    for (const RowPart<T>& part : parts_) rows_ += part.count;
  }

  // Looks the rows over, and copies them where they are normalised: CopyBytes of `pool`.
  void Prepare(BufferPool& pool, Parallel& parallel);
  // Has gradients accumulate in memory of the pool, where the caller wants none: CopyBytes.
  void KeepGradients(BufferPool& pool);

  // Bytes of a copy of all rows, and what belongs to it.
  static int64_t CopyBytes(int64_t rows, int64_t width);

  const Parts& parts() const { return parts_; }
  int64_t rows() const { return rows_; }  // Of all parts.
  int64_t width() const { return width_; }
  // What products read of a part.
  const T* prepared(size_t part) const { return prepared_[part]; }
  // About the size of what products read: no row's norm is above 2^(exponent + 1) times the square root of a chunk's
  // rows.
  int exponent() const { return exponent_; }
  // Gradients hold sums with respect to what products read. Turns them into gradients of the rows, times `factor`.
  // Returns the sum over all elements of prepared row times sum, in float64.
  double FinishGradients(double factor, Parallel& parallel);

 private:
  // Number of the first chunk of each part, and of all chunks.
  absl::InlinedVector<int64_t, 4> FirstChunks() const;
  void FindNorms(BufferPool& pool, Parallel& parallel);
  void CopyNormalized(BufferPool& pool, Parallel& parallel);
  void FindExponent(Parallel& parallel);
  // Calls body(part, first, count) for chunks of rows, in parallel.
  template <typename Body>
  void ForChunks(Parallel& parallel, const Body& body) const;
  void CopyRows(size_t part, int64_t first, int64_t count) const;
  double FinishRow(size_t part, int64_t row, double factor) const;

  Parts parts_;
  int64_t rows_ = 0;
  const int64_t width_;
  const bool normalize_;
  absl::InlinedVector<const T*, 4> prepared_;
  absl::InlinedVector<double*, 4> norms_;  // Of each part's rows, where they are normalised.
  Buffer norm_memory_;
  Buffer copy_;
  Buffer kept_;
  int exponent_ = 0;
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_ROW_OPERAND_H_
