// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/random/numpy_random_state.h"

#include <bit>

namespace lossd {

uint32_t NumpyRandomState::RandInt(uint32_t n) {
  const uint32_t largest = n - 1;
  if (largest == 0) return 0;
  const uint32_t mask = ~uint32_t{0} >> std::countl_zero(largest);
  while (true) {
    const uint32_t value = words_.Next() & mask;
    if (value <= largest) return value;
  }
}

}  // namespace lossd
