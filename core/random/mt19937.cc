// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/random/mt19937.h"

namespace lossd {
namespace {

constexpr size_t kShift = 397;  // Distance of the word that a new word is mixed with.

// The new word made of the old word, the one after it, and the one kShift further on.
uint32_t Mixed(uint32_t word, uint32_t following, uint32_t far) {
  const uint32_t joined = (word & 0x80000000U) | (following & 0x7fffffffU);
  return far ^ (joined >> 1) ^ ((0U - (following & 1U)) & 0x9908b0dfU);
}

}  // namespace

Mt19937::Mt19937(uint32_t seed) {
  state_[0] = seed;
  for (size_t i = 1; i < kWords; ++i) {
    state_[i] = 1812433253U * (state_[i - 1] ^ (state_[i - 1] >> 30)) + static_cast<uint32_t>(i);
  }
}

void Mt19937::Skip(uint64_t words) {
  while (words > kWords - used_) {
    words -= kWords - used_;
    Twist();
  }
  used_ += words;
}

void Mt19937::Twist() {
  constexpr size_t kTail = kWords - kShift;
  for (size_t i = 0; i < kTail; ++i) state_[i] = Mixed(state_[i], state_[i + 1], state_[i + kShift]);
  for (size_t i = kTail; i < kWords - 1; ++i) state_[i] = Mixed(state_[i], state_[i + 1], state_[i - kTail]);
  state_[kWords - 1] = Mixed(state_[kWords - 1], state_[0], state_[kShift - 1]);
  used_ = 0;
}

}  // namespace lossd
