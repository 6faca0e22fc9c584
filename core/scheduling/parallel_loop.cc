// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/scheduling/parallel_loop.h"

#include <algorithm>
#include <utility>

namespace lossd {
namespace {

// The innermost loop that this thread runs an iteration of.
thread_local const ParallelLoop* current_loop = nullptr;

}  // namespace

ParallelLoop::ParallelLoop(int64_t count, absl::FunctionRef<void(int64_t)> body)
    : count_(count), body_(body), parent_(current_loop) {}

void ParallelLoop::RunUntil(const std::atomic<bool>& stop) {
  const ParallelLoop* const outer = std::exchange(current_loop, this);
  try {
    while (!stop.load(std::memory_order_relaxed)) {
      const int64_t i = next_.fetch_add(1, std::memory_order_relaxed);
      if (i >= count_) break;
      body_(i);
    }
  } catch (...) {
    if (!failed_.exchange(true, std::memory_order_relaxed)) error_ = std::current_exception();
    next_.store(count_, std::memory_order_relaxed);
  }
  current_loop = outer;
}

void ParallelLoop::RethrowError() const {
  if (error_ != nullptr) std::rethrow_exception(error_);
}

void ParallelLoop::RunAll() {
  static constexpr std::atomic<bool> kNever = false;
  RunUntil(kNever);
}

bool ParallelLoop::IsInside(const ParallelLoop& other) const {
  const ParallelLoop* loop = parent_;
  while (loop != nullptr && loop != &other) loop = loop->parent_;
  return loop != nullptr;
}

void ParallelLoops::Remove(ParallelLoop* loop) { loops_.erase(std::find(loops_.begin(), loops_.end(), loop)); }

ParallelLoop* ParallelLoops::FindUnclaimed(const ParallelLoop* outer) const {
  const auto found = std::find_if(loops_.begin(), loops_.end(), [outer](const ParallelLoop* loop) {
    return loop->HasUnclaimed() && (outer == nullptr || loop->IsInside(*outer));
  });
  return found == loops_.end() ? nullptr : *found;
}

}  // namespace lossd
