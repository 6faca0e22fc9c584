// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/pacer.h"

namespace lossd::load {

absl::Time Pace(ArrivalSchedule& schedule, absl::Time begin, absl::Time end, Clock& clock, StopSignal& stop,
                absl::FunctionRef<bool(absl::Time intended)> start) {
  absl::Time due = begin + schedule.Next();
  for (; due < end; due = begin + schedule.Next()) {
    if (stop.triggered() || (clock.TimeNow() < due && !stop.WaitUntil(clock, due))) break;
    if (!start(due)) break;
  }
  return due;
}

}  // namespace lossd::load
