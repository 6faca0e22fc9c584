// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Converts between floating element types and looks elements over, in one pass over memory. The code is vectorised and
// chosen for the processor at run time. All functions are thread-safe; they work on memory of the caller.

#ifndef LOSSD_CORE_TENSOR_CONVERT_H_
#define LOSSD_CORE_TENSOR_CONVERT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/tensor/dtype.h"

namespace lossd {

// What a sweep over elements has seen.
struct SweepStats {
  bool finite = true;         // Neither NaN nor infinity among the elements (RoundTo: among the rounded ones).
  double sum_of_squares = 0;  // Of the elements (RoundTo: before rounding), accumulated in float64.
};

// What the copy of an input has seen of its elements.
struct InputSweep {
  bool finite = true;
  std::optional<double> sum_of_squares;  // If it was asked for: Scan's, to the bit.
};

// Elements in a chunk of a sum of squares. The sum is that of the chunks' sums, added in order: sweeps over parts that
// start at multiples of it, added in order, give the same bits as one sweep over the whole.
inline constexpr int64_t kSweepChunk = 65536;

// Running sums of a sum of squares; a piece of elements that SquareSum takes is a multiple of it.
inline constexpr int64_t kSquareLanes = 16;

// Widens `count` elements of a 16-bit floating type to float32, exactly: NaN keeps sign and payload, subnormals their
// value. `source` needs no alignment and must not overlap `destination`. Returns whether all elements are finite.
bool Widen(DType from, const std::byte* source, float* destination, int64_t count);

// Rounds `count` elements from FLOAT32 or FLOAT64 to any floating type (also to a wider or the same one), once, to
// nearest, ties to even; overflow gives infinity; NaN stays NaN. `source` and `destination` are aligned to their
// elements; they may be the same address where the destination's elements are not wider, and must not overlap
// otherwise.
SweepStats RoundTo(DType from, const void* source, DType to, void* destination, int64_t count);

// Looks `count` elements of FLOAT32 or FLOAT64 over; integers are finite and their squares are not summed.
SweepStats Scan(DType dtype, const void* elements, int64_t count);

// Whether `count` elements of any dtype are finite. Cheaper than Scan; `elements` needs no alignment.
bool AllFinite(DType dtype, const void* elements, int64_t count);

// The sum of squares of elements of FLOAT32 or FLOAT64 that come in pieces: Scan's over all of them, to the bit. Not
// thread-safe.
class SquareSum {
 public:
  explicit SquareSum(DType dtype) : dtype_(dtype) {}

  // Adds a piece: `count` elements, which need no alignment, a multiple of kSquareLanes in all pieces but the last.
  void Add(const std::byte* elements, int64_t count);
  double total() const;

 private:
  DType dtype_;
  int64_t in_chunk_ = 0;                      // Elements of the chunk that is begun,
  std::array<double, kSquareLanes> lanes_{};  // and their sums;
  double finished_ = 0;                       // of the chunks before it.
};

// Copies `bytes` bytes past the caches, for memory that is not read again before the caches have forgotten it anyway:
// the copy neither reads the destination first nor evicts anything. `destination` and `bytes` are multiples of
// kStreamedLine. Other threads see the bytes after FinishStreaming.
inline constexpr int64_t kStreamedLine = 64;
void Stream(const std::byte* source, std::byte* destination, int64_t bytes);
void FinishStreaming();

}  // namespace lossd

#endif  // LOSSD_CORE_TENSOR_CONVERT_H_
