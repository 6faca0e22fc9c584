// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// When a call is too late.

#ifndef LOSSD_SERVER_RPC_CALL_DEADLINE_H_
#define LOSSD_SERVER_RPC_CALL_DEADLINE_H_

#include "absl/time/time.h"
#include "grpc/support/time.h"
#include "grpcpp/server_context.h"
#include "server/settings/options.h"

namespace lossd {

// Deadlines further ahead are none: nobody means them, and arithmetic on them overflows elsewhere.
inline constexpr absl::Duration kFarDeadline = absl::Hours(24 * 365);

// The deadline that a client sent, out of grpc::ServerContext::raw_deadline(); InfiniteFuture() if it sent none, or one
// more than kFarDeadline after `now`. ServerContext::deadline() counts nanoseconds in 64 bits, where the largest
// timeout that Go has (2562047 hours) comes out as a time long past. All thread-safe.
absl::Time DeadlineOf(gpr_timespec raw, absl::Time now);

// The deadline of a call: that of its context, or the default one.
absl::Time CallDeadline(const grpc::ServerContext& context, absl::Time arrival, const ServerOptions& options);

// Whether what a client cancels at `now` has met its deadline. The client, whose clock gives up first, says only that
// it cancels; and the deadline that it sent was rounded up by as much as a hundredth, from when it was sent.
bool HasExpired(absl::Time arrival, absl::Time deadline, absl::Time now);

}  // namespace lossd

#endif  // LOSSD_SERVER_RPC_CALL_DEADLINE_H_
