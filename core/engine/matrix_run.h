// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Walking along the axis of a blocked matrix in runs that do not cross the end of a block. Offsets are in elements from
// where the matrix begins. Values without state: any thread, no errors.

#ifndef LOSSD_CORE_ENGINE_MATRIX_RUN_H_
#define LOSSD_CORE_ENGINE_MATRIX_RUN_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/engine/matrix_view.h"
#include "core/engine/packed_matrix.h"

namespace lossd {

// Neighbouring indices within one block of an axis.
struct MatrixRun {
  int64_t offset;  // Of the first, as Axis::Offset.
  int64_t length;  // How many.
};

// The longest run from index `first` on, of at most `limit` indices, which the axis has. Preconditions: first >= 0,
// limit > 0.
inline MatrixRun RunAt(const Axis& axis, int64_t first, int64_t limit) {
  if (axis.block == Axis::kOneBlock) return {first * axis.stride, limit};
  const int64_t index = axis.first + first;
  const int64_t within = index % axis.block;
  return {index / axis.block * axis.block_stride + within * axis.stride, std::min(limit, axis.block - within)};
}

// All runs of `count` <= kPanelColumns indices from `first` on, in order. Lives where its owner does and allocates
// nothing.
class MatrixRuns {
 public:
  MatrixRuns() {}  // None. Leaves the storage alone.
  MatrixRuns(const MatrixRuns& other) { *this = other; }
  MatrixRuns& operator=(const MatrixRuns& other) {
    size_ = other.size_;
    std::copy(other.begin(), other.end(), runs_.begin());
    return *this;
  }
  MatrixRuns(const Axis& axis, int64_t first, int64_t count) {
    for (int64_t done = 0; done < count; done += runs_[static_cast<size_t>(size_ - 1)].length) {
      runs_[static_cast<size_t>(size_++)] = RunAt(axis, first + done, count - done);
    }
  }
  const MatrixRun* begin() const { return runs_.data(); }
  const MatrixRun* end() const { return runs_.data() + size_; }

 private:
  std::array<MatrixRun, kPanelColumns> runs_;  // The first size_ are set.
  int64_t size_ = 0;
};

// The same axis in its simplest form: blocks of one index and blocks that follow each other as their indices do become
// strides. An axis that begins within a block stays as it is.
inline Axis Simplified(const Axis& axis) {
  if (axis.block == Axis::kOneBlock || axis.first > 0) return axis;
  if (axis.block == 1) return Axis{axis.block_stride};
  if (axis.block_stride == axis.block * axis.stride) return Axis{axis.stride};
  return axis;
}

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_MATRIX_RUN_H_
