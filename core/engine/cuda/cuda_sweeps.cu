// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>

#include "core/engine/cuda/cuda_sweeps.h"
#include "core/engine/sweeps/card_block.h"

namespace lossd {
namespace {

template <typename Body>
__global__ void __launch_bounds__(kSweepThreads) RunSweep(Body body, int64_t groups) {
  const CardBlock threads;
  for (int64_t group = blockIdx.y; group < groups; group += gridDim.y) body(threads, group, blockIdx.x);
}

constexpr int64_t kMostGroups = 65535;  // Of a grid's second extent.

}  // namespace

void CudaSweeps::Run(const Sweep& sweep) const {
  std::visit(
      [this](const auto& body) {
        const dim3 grid(static_cast<unsigned>(body.units()),
                        static_cast<unsigned>(std::min(body.groups(), kMostGroups)));
        RunSweep<<<grid, kSweepThreads, 0, current_stream_()>>>(body, body.groups());
      },
      sweep);
  const cudaError_t error = cudaGetLastError();
  if (error == cudaErrorMemoryAllocation) throw std::bad_alloc();
  if (error != cudaSuccess) throw std::runtime_error(std::string("a sweep: ") + cudaGetErrorString(error));
}

}  // namespace lossd
