// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/local_target.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace lossd::client {
namespace {

// The host of "host:port", "[host]:port" or "host".
absl::string_view HostOf(absl::string_view address) {
  if (absl::ConsumePrefix(&address, "[")) return address.substr(0, address.find(']'));
  const size_t colon = address.find(':');
  if (colon != address.rfind(':')) return address;  // An IPv6 address without port.
  return address.substr(0, colon);
}

}  // namespace

bool IsLocalTarget(absl::string_view target) {
  if (absl::StartsWith(target, "unix:") || absl::StartsWith(target, "unix-abstract:")) return true;
  for (const absl::string_view scheme : {"dns:", "ipv4:", "ipv6:"}) {
    if (absl::ConsumePrefix(&target, scheme)) break;
  }
  while (absl::ConsumePrefix(&target, "/")) {
  }
  const absl::string_view host = HostOf(target.substr(0, target.find(',')));
  return absl::EqualsIgnoreCase(host, "localhost") || absl::StartsWith(host, "127.") || host == "::1";
}

}  // namespace lossd::client
