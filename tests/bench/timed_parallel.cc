// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/timed_parallel.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace lossd::bench {

double TimedParallel::Loop::seconds() const {
  double sum = 0;
  for (const Piece& piece : pieces) sum += piece.seconds;
  return sum;
}

void TimedParallel::TimePiece(Piece& piece, absl::FunctionRef<void()> work) {
  using Clock = std::chrono::steady_clock;
  Piece* const outer = std::exchange(current_, &piece);
  const Clock::time_point begin = Clock::now();
  work();
  piece.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  current_ = outer;
}

void TimedParallel::Time(absl::FunctionRef<void()> work) {
  root_ = Piece();
  loops_ = 0;
  TimePiece(root_, work);
}

void TimedParallel::For(int64_t count, absl::FunctionRef<void(int64_t)> body) {
  if (count <= 0) return;
  if (count == 1) return body(0);
  ++loops_;
  Loop loop;
  loop.pieces.resize(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) TimePiece(loop.pieces[static_cast<size_t>(i)], [&] { body(i); });
  current_->loops.push_back(std::move(loop));
}

double TimedParallel::Span(const Piece& piece, int64_t processors, const SharingCost& cost) {
  double span = piece.seconds;
  for (const Loop& loop : piece.loops) span += Span(loop, processors, cost) - loop.seconds();
  return span;
}

double TimedParallel::Span(const Loop& loop, int64_t processors, const SharingCost& cost) {
  if (processors == 1) return loop.seconds();
  // Loops in iterations are helped with by processors that have no iteration of their own.
  const int64_t each = std::max<int64_t>(1, processors / static_cast<int64_t>(loop.pieces.size()));
  std::vector<double> busy_until(static_cast<size_t>(processors), 0.0);
  for (const Piece& piece : loop.pieces) {
    *std::min_element(busy_until.begin(), busy_until.end()) += Span(piece, each, cost);
  }
  return cost.loop_seconds + *std::max_element(busy_until.begin(), busy_until.end());
}

}  // namespace lossd::bench
