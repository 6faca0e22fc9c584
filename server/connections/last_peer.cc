// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/last_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <deque>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/scheduling/clock.h"

namespace lossd {
namespace {

constexpr char kUnknown[] = "unknown";
// Calls that were refused and are not handed over yet: so many, and for so long; then they will not be.
constexpr size_t kMaxRefused = 1024;
constexpr absl::Duration kMaxHandover = absl::Seconds(1);

thread_local int last_read = -1;  // The descriptor.

struct RefusedPeers {
  static RefusedPeers& Get() {
    static auto* const peers = new RefusedPeers();  // Sockets are read until the process has ended.
    return *peers;
  }

  absl::Mutex mu;
  std::deque<std::pair<absl::Time, std::string>> waiting ABSL_GUARDED_BY(mu);
};

// An IPv4 address that came in over IPv6 as the former, as gRPC names it.
std::string AddressText(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return absl::StrCat("ipv4:", text, ":", ntohs(v4.sin_port));
  }
  if (address.ss_family != AF_INET6) return kUnixPeer;
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof(text));
    return absl::StrCat("ipv4:", text, ":", ntohs(v6.sin6_port));
  }
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  // Percent signs are gRPC's: its names are URIs. A scope would stand within the brackets.
  const std::string scope = v6.sin6_scope_id == 0 ? "" : absl::StrCat("%25", v6.sin6_scope_id);
  return absl::StrCat("ipv6:%5B", text, scope, "%5D:", ntohs(v6.sin6_port));
}

}  // namespace

std::optional<std::string> PeerOf(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) return std::nullopt;
  return AddressText(address);
}

void NoteRead(int socket) { last_read = socket; }

std::string LastPeer() { return PeerOf(last_read).value_or(kUnknown); }

void NoteRefusedCall() {
  std::pair<absl::Time, std::string> call(RealClock().TimeNow(), LastPeer());
  RefusedPeers& refused = RefusedPeers::Get();
  absl::MutexLock lock(&refused.mu);
  if (refused.waiting.size() == kMaxRefused) refused.waiting.pop_front();
  refused.waiting.push_back(std::move(call));
}

std::string TakeRefusedPeer() {
  RefusedPeers& refused = RefusedPeers::Get();
  const absl::Time oldest = RealClock().TimeNow() - kMaxHandover;
  absl::MutexLock lock(&refused.mu);
  while (!refused.waiting.empty() && refused.waiting.front().first < oldest) refused.waiting.pop_front();
  if (refused.waiting.empty()) return kUnknown;
  std::string peer = std::move(refused.waiting.front().second);
  refused.waiting.pop_front();
  return peer;
}

}  // namespace lossd
