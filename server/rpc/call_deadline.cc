// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/call_deadline.h"

#include <algorithm>

namespace lossd {

absl::Time DeadlineOf(gpr_timespec raw, absl::Time now) {
  if (gpr_time_cmp(raw, gpr_inf_future(raw.clock_type)) == 0) return absl::InfiniteFuture();
  const gpr_timespec wall = gpr_convert_clock_type(raw, GPR_CLOCK_REALTIME);
  const absl::Time deadline = absl::FromUnixSeconds(wall.tv_sec) + absl::Nanoseconds(wall.tv_nsec);
  return deadline - now > kFarDeadline ? absl::InfiniteFuture() : deadline;
}

absl::Time CallDeadline(const grpc::ServerContext& context, absl::Time arrival, const ServerOptions& options) {
  const absl::Time deadline = DeadlineOf(context.raw_deadline(), arrival);
  if (deadline != absl::InfiniteFuture()) return deadline;
  return options.default_deadline > absl::ZeroDuration() ? arrival + options.default_deadline : absl::InfiniteFuture();
}

bool HasExpired(absl::Time arrival, absl::Time deadline, absl::Time now) {
  constexpr absl::Duration kTravel = absl::Milliseconds(10);
  // The rounding, and as much again for clocks.
  return now >= deadline - std::max(kTravel, (deadline - arrival) / 50);
}

}  // namespace lossd
