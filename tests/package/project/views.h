// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What both programs compute the loss of, and how they print it.

#ifndef LOSSD_TESTS_PACKAGE_PROJECT_VIEWS_H_
#define LOSSD_TESTS_PACKAGE_PROJECT_VIEWS_H_

#include <cstdint>
#include <span>
#include <vector>

inline constexpr int64_t kRows = 32;
inline constexpr int64_t kColumns = 24;

// A view of [kRows, kColumns]; another for another `seed`.
std::vector<float> MakeView(int seed);

// Prints objective and gradient to the bit.
void Print(double objective, std::span<const float> gradient);

#endif  // LOSSD_TESTS_PACKAGE_PROJECT_VIEWS_H_
