// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Starts calls when they are due, whatever became of those before.

#ifndef LOSSD_CLIENT_LOAD_PACER_H_
#define LOSSD_CLIENT_LOAD_PACER_H_

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "client/load/arrival_schedule.h"
#include "client/load/stop_signal.h"
#include "core/scheduling/clock.h"

namespace lossd::load {

// Calls `start`, on this thread, with the intended time of every arrival of `schedule` within [begin, end), as soon as
// `clock` has reached it: never early, never waiting for answers. One that is late, because `start` or this thread was,
// is started at once, with the time when it was due. Returns at `end`, when `stop` is triggered, or where `start`
// returns false and has not started it: the intended time of the first arrival that was not started, which `schedule`
// has passed.
absl::Time Pace(ArrivalSchedule& schedule, absl::Time begin, absl::Time end, Clock& clock, StopSignal& stop,
                absl::FunctionRef<bool(absl::Time intended)> start);

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_PACER_H_
