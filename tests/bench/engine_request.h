// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A case of the engine bench with everything in place to be computed.

#ifndef LOSSD_TESTS_BENCH_ENGINE_REQUEST_H_
#define LOSSD_TESTS_BENCH_ENGINE_REQUEST_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "core/engine/gemm_precision.h"
#include "core/engine/parallel.h"
#include "core/loss_backend.h"
#include "core/tensor/tensor.h"
#include "tests/bench/engine_cases.h"

namespace lossd::bench {

// A case in a back end of its own, its inputs in place. Not thread-safe; of two, only one computes at a time.
class EngineRequest {
 public:
  EngineRequest(const EngineCase& bench_case, int threads, GemmPrecision precision = GemmPrecision::kFloat32);

  // Submits the request and waits for its answer; sets the process's precision first. Throws std::runtime_error if that
  // is an error.
  ComputeResult Compute();

  const Plan& plan() const { return *plan_; }
  absl::Span<const Tensor> inputs() const { return inputs_; }
  // Those that workers of PyTorch need; CPC's parameters they make from the same seed.
  absl::Span<const Tensor> torch_inputs() const;
  BufferPool& pool() { return backend_->pool(); }

 private:
  std::unique_ptr<LossBackend> backend_;
  std::shared_ptr<const Plan> plan_;
  std::vector<Tensor> inputs_;
};

// The loss alone, on one thread or sharing its loops out, into memory that is there already. Borrows the request.
class BareLoss {
 public:
  explicit BareLoss(EngineRequest& request);

  void Compute() { Compute(serial_); }
  void Compute(Parallel& parallel);

 private:
  Tensor Allocate(const TensorSpec& spec);

  EngineRequest& request_;
  Serial serial_;
  std::vector<Tensor> outputs_;
  std::vector<Tensor> gradients_;
};

// The inputs one behind the other in a file, for other processes, as long as this lives.
class InputsFile {
 public:
  // Throws std::runtime_error if it cannot be written.
  explicit InputsFile(absl::Span<const Tensor> inputs);
  InputsFile(const InputsFile&) = delete;
  InputsFile& operator=(const InputsFile&) = delete;
  ~InputsFile();

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_ENGINE_REQUEST_H_
