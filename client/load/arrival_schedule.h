// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Says when the calls of an open loop are to start.

#ifndef LOSSD_CLIENT_LOAD_ARRIVAL_SCHEDULE_H_
#define LOSSD_CLIENT_LOAD_ARRIVAL_SCHEDULE_H_

#include <cstdint>
#include <random>

#include "absl/time/time.h"

namespace lossd::load {

// How calls arrive.
struct ArrivalOptions {
  double from_rate = 1;  // Calls per second at the start; > 0.
  double to_rate = 1;    // At the end of `ramp`, linearly from the start, and from then on; > 0.
  absl::Duration ramp = absl::ZeroDuration();
  bool poisson = false;  // Independent arrivals, as of many callers; else evenly spaced.
  uint64_t seed = 0;
};

// Arrival times one after the other; equal options give equal times. The expected number of arrivals by time t is
// N(t) = from t + (to - from) t² / (2 ramp) within the ramp; arrival n is where N(t) has grown by 1 (even spacing) or
// by an exponential variate of mean 1 (a Poisson process). Not thread-safe.
class ArrivalSchedule {
 public:
  explicit ArrivalSchedule(const ArrivalOptions& options);

  // Time of the next arrival from the start of the schedule. Never decreases, and never ends. Constant time; allocates
  // nothing.
  absl::Duration Next();

  // Passes over the arrivals before `time`, and returns how many there are; of a Poisson process, how many are to be
  // expected. In no time, however many.
  int64_t PassOver(absl::Duration time);

 private:
  // N.
  double ArrivalsBy(double time) const;
  // Its inverse.
  double TimeOf(double arrivals) const;

  const double from_;
  const double to_;
  const double ramp_;  // Seconds.
  const bool poisson_;
  std::mt19937_64 random_;
  double arrivals_ = 0;
};

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_ARRIVAL_SCHEDULE_H_
