// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Targets that gRPC would take for something else than was meant.

#ifndef LOSSD_CLIENT_CPP_TARGET_CHECK_H_
#define LOSSD_CLIENT_CPP_TARGET_CHECK_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace lossd::client {

// INVALID_ARGUMENT, "target: expected ...", for a target that gRPC would call elsewhere than it says: without a port
// (gRPC takes 443), with one outside 1 to 65535 (gRPC takes its last 16 bits) or a URL (gRPC looks for a host called
// so). Names with a scheme of gRPC's own, such as unix: or xds:, are left to gRPC; of dns: the host is checked. No name
// is looked up. Thread-safe.
absl::Status CheckTarget(absl::string_view target);

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_TARGET_CHECK_H_
