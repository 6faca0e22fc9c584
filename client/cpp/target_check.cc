// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/target_check.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace lossd::client {
namespace {

constexpr absl::string_view kUrls[] = {"http://", "https://", "grpc://", "grpcs://"};
constexpr absl::string_view kSchemes[] = {
    "ipv4:", "ipv6:", "unix:", "unix-abstract:", "xds:", "vsock:", "google-c2p:", "passthrough:"};

absl::Status Refuse(absl::string_view target, absl::string_view hint) {
  return absl::InvalidArgumentError(absl::StrCat(
      "target: expected \"host:port\", \"unix:/path\" or another name that gRPC resolves, got '", target, "'", hint));
}

bool IsHost(absl::string_view host) {
  const bool in_brackets = absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
  return !host.empty() && std::none_of(host.begin(), host.end(), [&](char c) {
    return c == '[' || c == ']' || (!in_brackets && (c == ':' || c == '/' || absl::ascii_isspace(c)));
  });
}

// Whether a port is the name of a service, such as https.
bool IsService(absl::string_view port) {
  return !port.empty() && absl::ascii_isalpha(port.front()) &&
         std::all_of(port.begin(), port.end(), [](char c) { return absl::ascii_isalnum(c) || c == '_' || c == '-'; });
}

bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

}  // namespace

absl::Status CheckTarget(absl::string_view target) {
  for (const absl::string_view scheme : kUrls) {
    absl::string_view host = target;
    if (!absl::ConsumePrefix(&host, scheme)) continue;
    while (absl::ConsumeSuffix(&host, "/")) {
    }
    return Refuse(target, absl::StrCat("; without \"", scheme, "\" it may be '", host.empty() ? "host:port" : host,
                                       "', and TLS is ClientOptions.tls"));
  }
  const bool grpcs_own = std::any_of(std::begin(kSchemes), std::end(kSchemes),
                                     [&](absl::string_view scheme) { return absl::StartsWith(target, scheme); });
  if (grpcs_own) return absl::OkStatus();
  absl::string_view place = target;
  if (absl::ConsumePrefix(&place, "dns:")) place = place.substr(place.rfind('/') + 1);
  const size_t colon = place.rfind(':');
  if (colon == absl::string_view::npos || !IsHost(place.substr(0, colon))) return Refuse(target, "");
  const absl::string_view port = place.substr(colon + 1);
  if (IsService(port)) return absl::OkStatus();
  if (!IsDigits(port)) return Refuse(target, "");
  int number = 0;
  if (absl::SimpleAtoi(port, &number) && number >= 1 && number <= 65535) return absl::OkStatus();
  return Refuse(target, "; ports are 1 to 65535");
}

}  // namespace lossd::client
