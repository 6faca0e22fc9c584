// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Vectorised passes over one row of scores: what a softmax is made of. On the calling thread; thread-safe.

#ifndef LOSSD_CORE_ENGINE_ROW_EXPONENTIALS_H_
#define LOSSD_CORE_ENGINE_ROW_EXPONENTIALS_H_

#include <cstdint>

namespace lossd {

// The largest of `count` > 0 values. A NaN among them may be passed over.
float MaxOfRow(const float* row, int64_t count);
double MaxOfRow(const double* row, int64_t count);

// Replaces each value x by exp(x - reference) and returns their sum. -inf becomes 0; a NaN makes the sum NaN. Lanes are
// summed in T over at most 64 vectors, beyond that in double.
double ExponentiateRow(float* row, int64_t count, float reference);
double ExponentiateRow(double* row, int64_t count, double reference);

// Multiplies each value by `factor`.
void ScaleRow(float* row, int64_t count, float factor);
void ScaleRow(double* row, int64_t count, double factor);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_ROW_EXPONENTIALS_H_
