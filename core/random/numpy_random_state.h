// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The random numbers that numpy's legacy interface draws.

#ifndef LOSSD_CORE_RANDOM_NUMPY_RANDOM_STATE_H_
#define LOSSD_CORE_RANDOM_NUMPY_RANDOM_STATE_H_

#include <cstdint>

#include "core/random/mt19937.h"

namespace lossd {

// Draws what numpy's global RandomState draws after np.random.seed(seed), bit for bit: seeds are those of 32 bits.
// Thread-compatible.
class NumpyRandomState {
 public:
  explicit NumpyRandomState(uint32_t seed) : words_(seed) {}

  // Leaves out the next `words` 32-bit words.
  void Skip(uint64_t words) { words_.Skip(words); }

  // np.random.randint(0, n): masks words to the bits of n - 1 and rejects those above it, two on average at most; n = 1
  // takes no word. How many words it takes depends on what is drawn, so that Skip cannot pass over draws. Precondition:
  // n > 0.
  uint32_t RandInt(uint32_t n);

 private:
  Mt19937 words_;
};

}  // namespace lossd

#endif  // LOSSD_CORE_RANDOM_NUMPY_RANDOM_STATE_H_
