// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A process that wants a processor all the time.

#ifndef LOSSD_TESTS_BENCH_NEIGHBOUR_H_
#define LOSSD_TESTS_BENCH_NEIGHBOUR_H_

#include <sys/types.h>

namespace lossd::bench {

// Spins in a process of its own from the end of the constructor to the destructor, or until this process ends.
class Neighbour {
 public:
  // Throws std::runtime_error if the process cannot be started.
  Neighbour();
  Neighbour(const Neighbour&) = delete;
  Neighbour& operator=(const Neighbour&) = delete;
  ~Neighbour();

 private:
  pid_t process_ = -1;
};

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_NEIGHBOUR_H_
