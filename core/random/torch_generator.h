// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The random numbers that torch draws on the CPU.

#ifndef LOSSD_CORE_RANDOM_TORCH_GENERATOR_H_
#define LOSSD_CORE_RANDOM_TORCH_GENERATOR_H_

#include <cstdint>

#include "core/random/mt19937.h"

namespace lossd {

// Draws what torch's default CPU generator draws after torch.manual_seed(seed), bit for bit. Every draw takes one word
// of the underlying mt19937. Thread-compatible.
class TorchGenerator {
 public:
  // Seeds with the low 32 bits, as torch does.
  explicit TorchGenerator(uint64_t seed) : words_(static_cast<uint32_t>(seed)) {}

  // Leaves out the next `words` 32-bit words.
  void Skip(uint64_t words) { words_.Skip(words); }

  // One element of torch.randint(0, n, ...). Precondition: n > 0. Takes a word also where n is 1.
  uint32_t RandInt(uint32_t n) { return words_.Next() % n; }

  // One element of torch.rand(..., dtype=float32): in [0, 1), a multiple of 2^-24.
  float Rand() { return static_cast<float>(words_.Next() & 0xffffffU) * 0x1p-24F; }

  // One element of float32_tensor.uniform_(low, high): low + u (high - low) with one rounding, as torch's builds with
  // fused multiply-add compute it.
  float Uniform(float low, float high);

 private:
  Mt19937 words_;
};

}  // namespace lossd

#endif  // LOSSD_CORE_RANDOM_TORCH_GENERATOR_H_
