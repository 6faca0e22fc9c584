// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// When a call is too late.

#ifndef LOSSD_SERVER_CALL_DEADLINE_H_
#define LOSSD_SERVER_CALL_DEADLINE_H_

#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "server/options.h"

namespace lossd {

// The deadline of a call: that of its context, or the default one. All thread-safe.
absl::Time CallDeadline(const grpc::ServerContext& context, absl::Time arrival, const ServerOptions& options);

// Whether what a client cancels at `now` has met its deadline. The client, whose clock gives up first, says only that
// it cancels; and the deadline that it sent was rounded up by as much as a hundredth.
bool HasExpired(absl::Time arrival, absl::Time deadline, absl::Time now);

}  // namespace lossd

#endif  // LOSSD_SERVER_CALL_DEADLINE_H_
