// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// PyTorch in a process of its own, for contenders.

#ifndef LOSSD_TESTS_BENCH_TORCH_WORKER_H_
#define LOSSD_TESTS_BENCH_TORCH_WORKER_H_

#include <sys/types.h>

#include <cstdio>
#include <string>
#include <vector>

#include "tests/bench/contenders.h"
#include "tests/bench/gemm_bound.h"

namespace lossd::bench {

// What a way to compute a case found, or why there is no such way.
struct TorchAnswer {
  bool present = false;
  std::string variant;  // Which of several was fastest; absent: the reason.
  double loss = 0;
  double gradient_norm = 0;  // Over all inputs and parameters.
};

// Owns a process that runs torch_worker.py. Not thread-safe.
class TorchWorker {
 public:
  // Starts the script in the Python interpreter at a path; it will read `clock`. Throws std::runtime_error if no
  // process can be started.
  TorchWorker(const std::string& python, const std::string& script, BenchClock clock);
  TorchWorker(const TorchWorker&) = delete;
  TorchWorker& operator=(const TorchWorker&) = delete;
  // Ends the process and waits for it.
  ~TorchWorker();

  // "torch 1.13.0", or empty where the interpreter is not there or has no PyTorch.
  const std::string& version() const { return version_; }

  // Computes a case (EngineCase::torch, a JSON object) on inputs that lie in a file and keeps it for Run. `kind` is
  // one of the script's.
  TorchAnswer Prepare(const std::string& kind, const std::string& torch_case, const std::string& inputs, int threads);
  // Makes ready to Run kBound, the products alone by PyTorch's BLAS, which `variant` names.
  static constexpr char kBound[] = "bound";
  TorchAnswer PrepareBound(const std::vector<BoundProduct>& products, int threads);
  // Computes what was prepared `repetitions` times; returns seconds as the process has measured them. Throws
  // std::runtime_error if it died.
  double Run(const std::string& kind, int repetitions);

 private:
  void Start(const std::string& python, const std::string& script, BenchClock clock);
  std::string ReadLine();
  std::string Ask(const std::string& message);
  // Reads what a preparation, asked for in `message`, has come to.
  TorchAnswer AskToPrepare(const std::string& message);

  pid_t process_ = -1;
  FILE* to_ = nullptr;
  FILE* from_ = nullptr;
  std::string version_;
};

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_TORCH_WORKER_H_
