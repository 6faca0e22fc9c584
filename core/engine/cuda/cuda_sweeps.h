// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Sweeps as kernels: one block of threads a unit.

#ifndef LOSSD_CORE_ENGINE_CUDA_CUDA_SWEEPS_H_
#define LOSSD_CORE_ENGINE_CUDA_CUDA_SWEEPS_H_

#include <cuda_runtime_api.h>

#include "core/engine/sweeps/sweeps.h"

namespace lossd {

// Appends each sweep to the stream that `current_stream` gives for the calling thread, on the calling thread's card.
class CudaSweeps final : public Sweeps {
 public:
  using CurrentStream = cudaStream_t (*)();

  explicit CudaSweeps(CurrentStream current_stream) : current_stream_(current_stream) {}

  void Run(const Sweep& sweep) const override;

 private:
  const CurrentStream current_stream_;
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CUDA_CUDA_SWEEPS_H_
