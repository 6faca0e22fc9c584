// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/engine/sweeps/card_threads.h"

#include <algorithm>
#include <numeric>
#include <random>

namespace lossd::testing {
namespace {

CardThreads* running = nullptr;  // A context begins without arguments.

}  // namespace

CardThreads::CardThreads(unsigned count) : threads_(count) {
  for (Thread& thread : threads_) thread.stack = std::make_unique_for_overwrite<std::byte[]>(kStackBytes);
}

void CardThreads::Live() {
  (*running->body_)();
  running->threads_[card_thread_index.x].line = 0;
}

void CardThreads::Barrier(int line) {
  running->lines_.insert(line);
  if (line == running->without_) return;
  Thread& self = running->threads_[card_thread_index.x];
  self.line = line;
  swapcontext(&self.context, &running->caller_);
}

bool CardThreads::Run(const std::function<void()>& body, unsigned seed, int without) {
  running = this;
  body_ = &body;
  without_ = without;
  for (Thread& thread : threads_) {
    getcontext(&thread.context);
    thread.context.uc_stack = {.ss_sp = thread.stack.get(), .ss_flags = 0, .ss_size = kStackBytes};
    thread.context.uc_link = &caller_;
    makecontext(&thread.context, &Live, 0);
  }
  std::minstd_rand random(seed);
  std::vector<unsigned> order(threads_.size());
  std::iota(order.begin(), order.end(), 0);
  bool together = true;
  while (!order.empty()) {
    std::shuffle(order.begin(), order.end(), random);
    std::set<int> lines;
    for (const unsigned index : order) {
      card_thread_index.x = index;
      swapcontext(&caller_, &threads_[index].context);
      lines.insert(threads_[index].line);
    }
    together &= lines.size() == 1;
    std::erase_if(order, [this](unsigned index) { return threads_[index].line == 0; });
  }
  return together;
}

}  // namespace lossd::testing
