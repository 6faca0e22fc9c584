// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Included before sources that Clang reads with libstdc++ 12 and LibTorch 1.13, whose IValue holds a vector of itself
// while it is incomplete: with C++20's constexpr members of std::vector Clang refuses that. Here they are not
// constexpr.

#ifndef LOSSD_TESTS_LINT_VECTOR_BEFORE_TORCH_H_
#define LOSSD_TESTS_LINT_VECTOR_BEFORE_TORCH_H_

// NOLINTBEGIN(bugprone-reserved-identifier): they are the library's.
#include <algorithm>
#include <memory>
#include <string>
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR
#define __fill_a1 __fill_a1_bits  // Declared constexpr before.
#include <vector>
#undef __fill_a1
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR constexpr
// NOLINTEND(bugprone-reserved-identifier)

#endif  // LOSSD_TESTS_LINT_VECTOR_BEFORE_TORCH_H_
