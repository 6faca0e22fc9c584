// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Loops that run on one thread and tell how long they would take on many.

#ifndef LOSSD_TESTS_BENCH_TIMED_PARALLEL_H_
#define LOSSD_TESTS_BENCH_TIMED_PARALLEL_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "core/engine/parallel.h"

namespace lossd::bench {

// What sharing loops out costs.
struct SharingCost {
  double loop_seconds = 0;  // A loop of several iterations: until its helpers are awake, and until they have gone.
};

// Runs the iterations of loops one after the other and times each. From that it tells how long the whole would take on
// so many processors, if each iteration took as long there as here, and went, in its order, to the processor that is
// free first. What it leaves out: processors that share a bus and a cache with others. Not thread-safe.
class TimedParallel final : public Parallel {
 public:
  // Times `work`, which runs loops through this.
  void Time(absl::FunctionRef<void()> work);

  // `width`: on so many processors the work is to be told that it runs.
  explicit TimedParallel(int64_t width = 1) : width_(width) {}

  void For(int64_t count, absl::FunctionRef<void(int64_t)> body) override;
  int64_t Width() const override { return width_; }

  // Of the last work that was timed: on one processor,
  double seconds() const { return root_.seconds; }
  // on so many, at least 1,
  double SecondsOn(int64_t processors, const SharingCost& cost) const { return Span(root_, processors, cost); }
  // and the loops of several iterations in it.
  int64_t loops() const { return loops_; }

 private:
  struct Loop;
  // An iteration, or all of the work: how long it took, and the loops in that.
  struct Piece {
    double seconds = 0;
    std::vector<Loop> loops = {};
  };
  struct Loop {
    std::vector<Piece> pieces;
    double seconds() const;
  };

  static double Span(const Piece& piece, int64_t processors, const SharingCost& cost);
  static double Span(const Loop& loop, int64_t processors, const SharingCost& cost);
  void TimePiece(Piece& piece, absl::FunctionRef<void()> work);

  int64_t width_;
  Piece root_;
  Piece* current_ = nullptr;
  int64_t loops_ = 0;
};

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_TIMED_PARALLEL_H_
