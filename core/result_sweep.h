// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The last pass over what a loss has written: rounding, and the search for what is not finite.

#ifndef LOSSD_CORE_RESULT_SWEEP_H_
#define LOSSD_CORE_RESULT_SWEEP_H_

#include "core/engine/parallel.h"
#include "core/tensor/convert.h"
#include "core/tensor/tensor.h"

namespace lossd {

// Rounds `computed` (FLOAT32 or FLOAT64) to nearest, ties to even, into `rounded`, a tensor of the same shape in any
// floating dtype; the two may be the same tensor, of any floating dtype, whose elements are then only looked at.
// Returns whether all computed elements are finite and the sum of their squares, whose bits depend on the elements
// alone: work is cut into chunks of kSweepChunk elements, whose sums are added in order. A `scale` other than 1
// multiplies what is rounded to FLOAT64, and counts in what is returned.
SweepStats SweepGradient(Parallel& parallel, const Tensor& computed, const Tensor& rounded, double scale = 1);

// Whether all elements are finite; integers always are.
bool IsFinite(Parallel& parallel, const Tensor& tensor);

}  // namespace lossd

#endif  // LOSSD_CORE_RESULT_SWEEP_H_
