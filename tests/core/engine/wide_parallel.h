// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#ifndef LOSSD_TESTS_CORE_ENGINE_WIDE_PARALLEL_H_
#define LOSSD_TESTS_CORE_ENGINE_WIDE_PARALLEL_H_

#include <algorithm>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "core/engine/parallel.h"

namespace lossd::testing {

// As many threads as are asked for, of which one does all, the last iteration first.
class WideParallel final : public Parallel {
 public:
  void For(int64_t count, absl::FunctionRef<void(int64_t)> body) override {
    most_iterations = std::max(most_iterations, count);
    ++loops;
    for (int64_t i = count; i-- > 0;) body(i);
  }
  int64_t Width() const override { return 64; }

  int64_t most_iterations = 0;
  int64_t loops = 0;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_ENGINE_WIDE_PARALLEL_H_
