// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What sweeps are written in (core/engine/sweeps/sweep_block.h), by the threads of a block on a card. In words that
// CUDA's compiler knows alone: a test that says what they mean runs this without a card.

#ifndef LOSSD_CORE_ENGINE_SWEEPS_CARD_BLOCK_H_
#define LOSSD_CORE_ENGINE_SWEEPS_CARD_BLOCK_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "core/engine/sweeps/sweep_block.h"

namespace lossd {

// The threads of a block on a card: what HostBlock does in loops, in the same order, so that on equal arithmetic the
// bits are the same. Every thread of the block calls each function, with equal arguments.
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

  template <typename T, typename State, typename Load, typename Take, typename FinishRow, typename FinishColumn>
  __device__ void ReduceBothWays(int64_t rows, int64_t columns, int64_t most_columns, bool differ, const Load& load,
                                 const Take& take, const FinishRow& finish_row,
                                 const FinishColumn& finish_column) const {
    constexpr int kRowParts = kSweepThreads / kPatchRows<T>;
    constexpr int kColumnParts = kSweepThreads / kPatchColumns;
    // A row begins a bank after the one before: neither way do two threads of a warp meet in one.
    __shared__ T patch[kPatchRows<T>][kPatchColumns + 1];
    const int height = static_cast<int>(rows < kPatchRows<T> ? rows : kPatchRows<T>);
    const int all_width = static_cast<int>(columns < most_columns ? columns : most_columns);
    const int thread = static_cast<int>(threadIdx.x);
    State of_row;
    for (int first = 0; first < all_width; first += kPatchColumns) {
      const int width = all_width - first < kPatchColumns ? all_width - first : kPatchColumns;
      FillPatch(patch, height, width, [&](int row, int column) { return load(row, first + column, false); });
      for (int run = thread / kPatchRows<T>; run * kSweepRun < width; run += kRowParts) {
        take(of_row, &patch[thread % kPatchRows<T>][run * kSweepRun]);
      }
      if (differ) {
        __syncthreads();  // Of who still reads the patch.
        FillPatch(patch, height, width, [&](int row, int column) { return load(row, first + column, true); });
      }
      State of_column;
      for (int run = thread / kPatchColumns; run * kSweepRun < height; run += kColumnParts) {
        T numbers[kSweepRun];
        for (int k = 0; k < kSweepRun; ++k) numbers[k] = patch[run * kSweepRun + k][thread % kPatchColumns];
        take(of_column, numbers);
      }
      FinishParts<kPatchColumns>(of_column, width,
                                 [&](int column, const State& state) { finish_column(first + column, state); });
    }
    FinishParts<kPatchRows<T>>(of_row, height, finish_row);
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
  // Several numbers a thread are on their way at a time. What is written is then seen by all.
  template <typename T, typename Load>
  __device__ static void FillPatch(T (&patch)[kPatchRows<T>][kPatchColumns + 1], int height, int width,
                                   const Load& load) {
    constexpr int kAtOnce = 8;
    constexpr int kApart = kSweepThreads / kPatchColumns;  // Rows of a thread's numbers.
    const int column = static_cast<int>(threadIdx.x) % kPatchColumns;
    for (int first = static_cast<int>(threadIdx.x) / kPatchColumns; first < kPatchRows<T>; first += kAtOnce * kApart) {
      T numbers[kAtOnce];
      for (int k = 0; k < kAtOnce; ++k) {
        const int row = first + k * kApart;
        numbers[k] = row < height && column < width ? load(row, column) : static_cast<T>(-INFINITY);
      }
      for (int k = 0; k < kAtOnce; ++k) patch[first + k * kApart][column] = numbers[k];
    }
    __syncthreads();
  }

  // The states of threads kCount apart joined pair by pair, of the first `count`. Begins with a barrier: what threads
  // read before may be written to after.
  template <int kCount, typename State, typename Finish>
  __device__ static void FinishParts(const State& state, int count, const Finish& finish) {
    State* const states = Shared<State>();
    const int thread = static_cast<int>(threadIdx.x);
    __syncthreads();
    states[thread] = state;
    for (int half = kSweepThreads / 2; half >= kCount; half /= 2) {
      __syncthreads();
      if (thread < half) states[thread].Add(states[thread + half]);
    }
    if (thread < count) finish(thread, states[thread]);
  }

  template <typename State, int kOfThread = 1>
  __device__ static State* Shared() {
    alignas(16) __shared__ std::byte memory[kSweepThreads * kOfThread * sizeof(State)];
    return reinterpret_cast<State*>(memory);
  }
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_CARD_BLOCK_H_
