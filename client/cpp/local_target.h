// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Tells servers of this machine from others.

#ifndef LOSSD_CLIENT_CPP_LOCAL_TARGET_H_
#define LOSSD_CLIENT_CPP_LOCAL_TARGET_H_

#include "absl/strings/string_view.h"

namespace lossd::client {

// Whether a gRPC target, with or without a scheme such as dns:///, is on this machine by its name: a unix socket,
// localhost, 127.x.y.z or ::1; of several addresses, the first. No name is looked up. Proxies of the environment
// (http_proxy) are for the others.
bool IsLocalTarget(absl::string_view target);

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_LOCAL_TARGET_H_
