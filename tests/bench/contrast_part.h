// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// CPC's contrast without its network.

#ifndef LOSSD_TESTS_BENCH_CONTRAST_PART_H_
#define LOSSD_TESTS_BENCH_CONTRAST_PART_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "core/engine/contrast_steps.h"
#include "core/losses/cpc/cpc_contrast.h"
#include "core/tensor/buffer_pool.h"
#include "core/tensor/tensor.h"
#include "tests/bench/gemm_bound.h"

namespace lossd::bench {

// The contrast of random predictions and targets, on one thread. Not thread-safe.
class ContrastPart {
 public:
  explicit ContrastPart(const CpcContrastShape& shape);

  // Computes the loss and both gradients.
  void Compute();

  // Of the last computation.
  double loss() const;
  double gradient_norm() const;
  int64_t workspace_bytes() const { return workspace_bytes_; }

  // The products that it cannot avoid.
  std::vector<BoundProduct> Products() const;
  // The same for torch_worker.py, and its inputs: maps [B, D, H, W] of predictions and of targets.
  std::string TorchCase() const;
  absl::Span<const Tensor> maps() const { return maps_; }

 private:
  const CpcContrastShape shape_;
  const ContrastProblem problem_;
  BufferPool pool_{0};
  std::vector<Tensor> maps_;
  std::vector<float> predictions_, targets_, prediction_gradient_, target_gradient_;
  std::vector<double> step_losses_;
  int64_t workspace_bytes_ = 0;
  Buffer workspace_;
  std::vector<double> step_weights_;
  StepOperands<float> contrast_;
};

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_CONTRAST_PART_H_
