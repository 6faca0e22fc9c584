// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/cuda/cuda_sweeps.h"

#include <algorithm>
#include <cstddef>
#include <new>
#include <stdexcept>
#include <string>

namespace lossd {
namespace {

// The threads of a block of a kernel's. See HostBlock for what they do.
class CardBlock {
 public:
  template <typename State, typename Step>
  __device__ State Reduce(int64_t count, const Step& step) const {
    State* const states = Shared<State>();
    State state;
    for (int64_t i = threadIdx.x; i < count; i += kSweepThreads) step(state, i);
    __syncthreads();  // Of what another reduction has left there.
    states[threadIdx.x] = state;
    for (int half = kSweepThreads / 2; half > 0; half /= 2) {
      __syncthreads();
      const int thread = static_cast<int>(threadIdx.x);
      if (thread < half && thread + half < count) states[thread].Add(states[thread + half]);
    }
    __syncthreads();
    return states[0];
  }

  template <typename State, typename Step, typename Finish>
  __device__ void ReduceColumns(int64_t rows, int64_t columns, const Step& step, const Finish& finish) const {
    State* const states = Shared<State, kSweepRun>();  // [rows, columns]
    const int column = static_cast<int>(threadIdx.x) % (kSweepColumns / kSweepRun) * kSweepRun;
    const int part = static_cast<int>(threadIdx.x) / (kSweepColumns / kSweepRun);
    State run[kSweepRun];
    if (column < columns) {
      for (int64_t row = part; row < rows; row += kSweepRows) step(run, row, column);
    }
    __syncthreads();
    State* const own = states + part * kSweepColumns + column;
    for (int k = 0; k < kSweepRun; ++k) own[k] = run[k];
    for (int half = kSweepRows / 2; half > 0; half /= 2) {
      __syncthreads();
      for (int k = 0; k < kSweepRun && part < half; ++k) own[k].Add(own[half * kSweepColumns + k]);
    }
    for (int k = 0; k < kSweepRun && part == 0; ++k) {
      if (column + k < columns) finish(column + k, own[k]);
    }
  }

  template <typename Body>
  __device__ void ForEach(int64_t count, const Body& body) const {
    for (int64_t i = threadIdx.x; i < count; i += kSweepThreads) body(i);
  }

  template <typename Body>
  __device__ void Once(const Body& body) const {
    if (threadIdx.x == 0) body();
    __syncthreads();
  }

 private:
  template <typename State, int kOfThread = 1>
  __device__ static State* Shared() {
    __shared__ alignas(16) std::byte memory[kSweepThreads * kOfThread * sizeof(State)];
    return reinterpret_cast<State*>(memory);
  }
};

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
        const dim3 grid(static_cast<unsigned>(body.units()), static_cast<unsigned>(std::min(body.groups(), kMostGroups)));
        RunSweep<<<grid, kSweepThreads, 0, current_stream_()>>>(body, body.groups());
      },
      sweep);
  const cudaError_t error = cudaGetLastError();
  if (error == cudaErrorMemoryAllocation) throw std::bad_alloc();
  if (error != cudaSuccess) throw std::runtime_error(std::string("a sweep: ") + cudaGetErrorString(error));
}

}  // namespace lossd
