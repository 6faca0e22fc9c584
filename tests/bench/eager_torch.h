// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Eager PyTorch in a process of its own, as a contender.

#ifndef LOSSD_TESTS_BENCH_EAGER_TORCH_H_
#define LOSSD_TESTS_BENCH_EAGER_TORCH_H_

#include <sys/types.h>

#include <cstdio>
#include <string>

#include "tests/bench/contenders.h"

namespace lossd::bench {

// Owns a process that runs eager_torch.py. Not thread-safe.
class EagerTorch {
 public:
  // Starts the script, which will read `clock`. Throws std::runtime_error if that fails.
  EagerTorch(const std::string& script, BenchClock clock);
  EagerTorch(const EagerTorch&) = delete;
  EagerTorch& operator=(const EagerTorch&) = delete;
  // Ends the process and waits for it.
  ~EagerTorch();

  // Makes a case ready (EngineCase::eager). Returns whether PyTorch is there to compute it.
  bool Prepare(const std::string& eager_case, int threads);
  // Computes it `repetitions` times; returns seconds as the process has measured them.
  double Run(int repetitions);

 private:
  std::string Ask(const std::string& message);

  pid_t process_ = -1;
  FILE* to_ = nullptr;
  FILE* from_ = nullptr;
};

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_EAGER_TORCH_H_
