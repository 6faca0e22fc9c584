// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Cuts a block of memory into aligned arrays. One function both sizes and lays out:
//
//   Memory Take(const Shape& shape, Workspace& workspace) { return {.scores = workspace.Take<float>(shape.scores())}; }
//
//   Workspace counter(nullptr);  // First it counts,
//   Take(shape, counter);
//   const Buffer buffer = pool.Allocate(static_cast<size_t>(counter.bytes()));
//   Workspace workspace(buffer.data());  // then it lays out the same.
//   const Memory memory = Take(shape, workspace);
//
// Arrays that do not live at the same time lie in one place, by phases:
//
//   const int64_t phase = workspace.position();
//   ...                         // The arrays of one phase,
//   workspace.ReturnTo(phase);  // and in their place
//   ...                         // those of another.
//   workspace.EndPhases();      // What follows lies behind the longest.

#ifndef LOSSD_CORE_ENGINE_WORKSPACE_H_
#define LOSSD_CORE_ENGINE_WORKSPACE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/tensor/buffer_pool.h"

namespace lossd {

// Hands out arrays from a block, one behind the other, each aligned to kBufferAlignment. Over a null block it counts
// bytes only. Does not know how long the block is: that it suffices is what counting first is for. Not thread-safe;
// does not own the block, which outlives the arrays.
class Workspace {
 public:
  // `block` is aligned to kBufferAlignment, or null.
  explicit Workspace(std::byte* block) : block_(block) {}

  // An array of `count` >= 0 elements, uninitialised; null over a null block.
  template <typename T>
  T* Take(int64_t count) {
    const int64_t offset = position_;
    position_ += AlignedSize(count * static_cast<int64_t>(sizeof(T)));
    bytes_ = std::max(bytes_, position_);
    return block_ == nullptr ? nullptr : reinterpret_cast<T*>(block_ + offset);
  }

  // Where the next array begins.
  int64_t position() const { return position_; }
  // Takes back all arrays from this position on: those that follow lie in their place.
  void ReturnTo(int64_t position) { position_ = position; }
  // What follows lies in nobody's place.
  void EndPhases() { position_ = bytes_; }

  // Most bytes that were handed out at the same time.
  int64_t bytes() const { return bytes_; }

 private:
  std::byte* const block_;
  int64_t position_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_WORKSPACE_H_
