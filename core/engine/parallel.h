// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How a computation uses more than one thread.

#ifndef LOSSD_CORE_ENGINE_PARALLEL_H_
#define LOSSD_CORE_ENGINE_PARALLEL_H_

#include <cstdint>

#include "absl/functional/function_ref.h"

namespace lossd {

// Runs the iterations of a loop, perhaps on several threads. Results must not depend on which thread runs an iteration
// or in which order: iterations write to places of their own, and whatever is summed over iterations is summed
// afterwards in the order of their indices. How a computation is cut into iterations depends on its shapes only.
class Parallel {
 public:
  virtual ~Parallel() = default;

  // Calls `body(i)` once for each i in [0, count) and returns when all calls have returned. The calling thread takes
  // part; threads that are idle help. May be nested. What a call throws is thrown here, after all that had begun have
  // returned; others are left out.
  virtual void For(int64_t count, absl::FunctionRef<void(int64_t)> body) = 0;

  // How many threads may take part at most. Where there are many, a computation may cut itself finer, if that changes
  // no bit of its result.
  virtual int64_t Width() const { return 1; }
};

// Runs everything on the calling thread.
class Serial final : public Parallel {
 public:
  void For(int64_t count, absl::FunctionRef<void(int64_t)> body) override {
    for (int64_t i = 0; i < count; ++i) body(i);
  }
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_PARALLEL_H_
