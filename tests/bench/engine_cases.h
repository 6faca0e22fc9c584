// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The requests that the engine bench computes, with what each cannot avoid and what it aims at.

#ifndef LOSSD_TESTS_BENCH_ENGINE_CASES_H_
#define LOSSD_TESTS_BENCH_ENGINE_CASES_H_

#include <string>
#include <vector>

#include "core/losses/loss_config.h"
#include "tests/bench/engine_goals.h"
#include "tests/bench/gemm_bound.h"

namespace lossd::bench {

struct EngineCase {
  std::string loss;  // Its title in plots.
  std::string name;
  ComputeSpec request;     // All gradients are wanted.
  bool unit_rows = false;  // Whether inputs are rows of length one.
  std::vector<BoundProduct> products;
  std::string bound;  // What the products are, in words.
  EngineGoals goals;
  bool is_large = false;   // Only with --large.
  bool neighbour = false;  // Also beside a process that wants a processor.
  std::string torch;       // The same for torch_worker.py: a JSON object; empty: too large for it.
};

// Every case, small ones first within a loss.
std::vector<EngineCase> EngineCases();

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_ENGINE_CASES_H_
