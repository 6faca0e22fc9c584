// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Counts latencies with three significant digits in bounded memory.

#ifndef LOSSD_CLIENT_LOAD_HISTOGRAM_H_
#define LOSSD_CLIENT_LOAD_HISTOGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace lossd::load {

// A log-linear histogram of durations: every power of two is divided into 1024 equal buckets, so that a percentile is
// at most 0.1 % above the value it stands for. Counts, sum, minimum and maximum are exact. Takes memory as far as the
// largest value: 90 KB for 1 ms, 270 KB at most, however many values. Not thread-safe.
class Histogram {
 public:
  // Counts one value: in nanoseconds; less than 0 counts as 0, more than 73 minutes as that (maximum and mean do not).
  void Add(absl::Duration value);
  // Adds all that `other` has counted, as if it had been counted here.
  void Merge(const Histogram& other);

  int64_t count() const { return count_; }
  // The smallest value that at least `share` (0 to 1) of all counted ones do not exceed, rounded up to its bucket's end
  // but not above the maximum. Zero where nothing was counted.
  absl::Duration Percentile(double share) const;
  absl::Duration Minimum() const;
  absl::Duration Maximum() const;
  absl::Duration Mean() const;

 private:
  std::vector<int64_t> buckets_;  // Up to the last that is not empty.
  int64_t count_ = 0;
  double sum_ = 0;  // Nanoseconds.
  int64_t minimum_ = 0;
  int64_t maximum_ = 0;
};

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_HISTOGRAM_H_
