// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/call_deadline.h"

#include <algorithm>
#include <chrono>

namespace lossd {

absl::Time CallDeadline(const grpc::ServerContext& context, absl::Time arrival, const ServerOptions& options) {
  const auto deadline = context.deadline();
  if (deadline != std::chrono::system_clock::time_point::max()) return absl::FromChrono(deadline);
  return options.default_deadline > absl::ZeroDuration() ? arrival + options.default_deadline : absl::InfiniteFuture();
}

bool HasExpired(absl::Time arrival, absl::Time deadline, absl::Time now) {
  constexpr absl::Duration kTravel = absl::Milliseconds(10);
  return now >= deadline - std::max(kTravel, (deadline - arrival) / 50);
}

}  // namespace lossd
