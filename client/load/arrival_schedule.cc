// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/arrival_schedule.h"

#include <algorithm>
#include <cmath>

namespace lossd::load {

ArrivalSchedule::ArrivalSchedule(const ArrivalOptions& options)
    : from_(options.from_rate),
      to_(options.to_rate),
      ramp_(std::max(0.0, absl::ToDoubleSeconds(options.ramp))),
      poisson_(options.poisson),
      random_(options.seed) {}

absl::Duration ArrivalSchedule::Next() {
  arrivals_ += poisson_ ? std::exponential_distribution<double>(1.0)(random_) : 1.0;
  return absl::Seconds(TimeOf(arrivals_));
}

int64_t ArrivalSchedule::PassOver(absl::Duration time) {
  const double passed = std::max(0.0, std::ceil(ArrivalsBy(absl::ToDoubleSeconds(time)) - arrivals_) - 1);
  arrivals_ += passed;
  return static_cast<int64_t>(passed);
}

double ArrivalSchedule::ArrivalsBy(double time) const {
  if (time <= 0) return 0;
  if (time >= ramp_) return (from_ + to_) / 2 * ramp_ + (time - ramp_) * to_;
  return from_ * time + (to_ - from_) / (2 * ramp_) * time * time;
}

double ArrivalSchedule::TimeOf(double arrivals) const {
  const double in_ramp = (from_ + to_) / 2 * ramp_;
  if (arrivals >= in_ramp) return ramp_ + (arrivals - in_ramp) / to_;
  // slope/2 t² + from t = arrivals, in the form that does not cancel where the slope is small or negative.
  const double slope = (to_ - from_) / ramp_;
  return 2 * arrivals / (from_ + std::sqrt(std::max(0.0, from_ * from_ + 2 * slope * arrivals)));
}

}  // namespace lossd::load
