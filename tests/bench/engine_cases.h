// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The requests that the engine bench computes, with what each cannot avoid and what it aims at.

#ifndef LOSSD_TESTS_BENCH_ENGINE_CASES_H_
#define LOSSD_TESTS_BENCH_ENGINE_CASES_H_

#include <string>
#include <vector>

#include "core/losses/loss_config.h"
#include "tests/bench/gemm_bound.h"

namespace lossd::bench {

struct EngineCase {
  std::string name;
  ComputeSpec request;  // All gradients are wanted.
  std::vector<BoundProduct> products;
  double goal = 0;        // Highest time over that of the products by OpenBLAS; 0: none.
  double goal_us = 0;     // Highest microseconds of the loss alone, on one thread; 0: none.
  bool is_large = false;  // Only with --large.
  std::string eager;      // The same for eager_torch.py: a JSON object.
};

// Every case, small ones first within a loss.
std::vector<EngineCase> EngineCases();

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_ENGINE_CASES_H_
