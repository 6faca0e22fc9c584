// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Genes, which are what a search changes, and how choices are made of them.

#ifndef LOSSD_TESTS_CORE_LOSSES_NUMERICS_GENE_READER_H_
#define LOSSD_TESTS_CORE_LOSSES_NUMERICS_GENE_READER_H_

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace lossd::testing {

// Each in [0, 1).
using Genes = std::array<double, 40>;

// Takes genes one after the other. Who takes equally many whatever they say leaves the others their meaning when one
// of them changes.
class GeneReader {
 public:
  explicit GeneReader(const Genes& genes) : genes_(genes) {}

  double Next() { return genes_[next_++ % genes_.size()]; }
  double Between(double low, double high) { return low + (high - low) * Next(); }
  double Log(double low, double high) { return std::exp(Between(std::log(low), std::log(high))); }
  bool Is(double share) { return Next() < share; }
  size_t Below(size_t count) { return static_cast<size_t>(Next() * static_cast<double>(count)); }
  template <typename T, size_t kCount>
  T Of(const T (&choices)[kCount]) {
    return choices[Below(kCount)];
  }
  uint64_t Seed() { return std::bit_cast<uint64_t>(Next()); }

 private:
  const Genes& genes_;
  size_t next_ = 0;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_LOSSES_NUMERICS_GENE_READER_H_
