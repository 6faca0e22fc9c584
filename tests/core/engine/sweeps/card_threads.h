// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The threads of a block of a kernel, on the host: one runs at a time, in an order that is drawn anew between barriers.

#ifndef LOSSD_TESTS_CORE_ENGINE_SWEEPS_CARD_THREADS_H_
#define LOSSD_TESTS_CORE_ENGINE_SWEEPS_CARD_THREADS_H_

#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <vector>

namespace lossd::testing {

// As threadIdx in a kernel.
struct CardThreadIndex {
  unsigned x = 0;
};
inline CardThreadIndex card_thread_index;

// Contexts of the thread that calls Run, of which a process has one. ThreadSanitizer does not follow them.
class CardThreads {
 public:
  explicit CardThreads(unsigned count);

  // Runs body() on every thread of a block. Whether all of them have met the same barriers: on a card a block of which
  // they do not hangs. Threads go on past the barrier in line `without`, as if it were not there.
  bool Run(const std::function<void()>& body, unsigned seed, int without = 0);

  // As __syncthreads in a kernel, in this line of its source: called by a thread that runs body().
  static void Barrier(int line);
  // Lines of all barriers that any block has met.
  const std::set<int>& lines() const { return lines_; }

 private:
  static constexpr size_t kStackBytes = 256 << 10;

  struct Thread {
    ucontext_t context;
    std::unique_ptr<std::byte[]> stack;
    int line = 0;  // Of the barrier where it waits; 0: none, it has ended.
  };

  static void Live();

  std::vector<Thread> threads_;
  ucontext_t caller_;
  const std::function<void()>* body_ = nullptr;
  int without_ = 0;
  std::set<int> lines_;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_ENGINE_SWEEPS_CARD_THREADS_H_
