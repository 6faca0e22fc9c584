// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Looks for the genes with the largest share of an allowed error, by climbing from random ones. LOSSD_SEARCH_SECONDS:
// how long (else a hundred looks, the same in every run); LOSSD_SEARCH_SEED: where it begins (default 1).

#ifndef LOSSD_TESTS_CORE_LOSSES_NUMERICS_CLIMB_H_
#define LOSSD_TESTS_CORE_LOSSES_NUMERICS_CLIMB_H_

#include <cstdint>
#include <functional>
#include <string>

#include "tests/core/losses/numerics/search_cases.h"

namespace lossd::testing {

class Climb {
 public:
  // Searches. NaN is taken to be worse than anything.
  explicit Climb(const std::function<double(const Genes&)>& share_of);

  double worst() const { return worst_; }
  // Whether it was given time: then it looked at many more than the same hundred.
  bool timed() const { return timed_; }
  const Genes& genes() const { return genes_; }
  // Of the search: its seed, how much it looked at, the worst share.
  std::string text() const;

 private:
  uint64_t seed_;
  bool timed_ = false;
  int looked_at_ = 0;
  double worst_ = -1;
  Genes genes_{};
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_LOSSES_NUMERICS_CLIMB_H_
