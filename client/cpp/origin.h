// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Whose error a failed call's is.

#ifndef LOSSD_CLIENT_CPP_ORIGIN_H_
#define LOSSD_CLIENT_CPP_ORIGIN_H_

#include "absl/status/status.h"

namespace lossd::client {

// Who refused.
enum class Origin {
  kClient,  // This side: its own limits, a request that cannot be sent, no connection, a deadline or a cancellation.
  kServer,
};

// Whose error a status is that Client returned, or a callback of its got. Precondition: it is not OK. Goes by what
// ToAbslStatus attached: of a status that went through other hands, without its payloads, it says kClient. Thread-safe.
Origin OriginOf(const absl::Status& status);

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_ORIGIN_H_
