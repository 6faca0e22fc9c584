// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/last_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "absl/strings/str_cat.h"

namespace lossd {
namespace {

constexpr char kUnknown[] = "unknown";

thread_local int last_read = -1;  // The descriptor.

std::string Ipv4Name(const in_addr& host, in_port_t port) {
  char text[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &host, text, sizeof(text));
  return absl::StrCat("ipv4:", text, ":", ntohs(port));
}

std::string Ipv6Name(const sockaddr_in6& address) {
  if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
    in_addr host{};
    host.s_addr = address.sin6_addr.s6_addr32[3];
    return Ipv4Name(host, address.sin6_port);
  }
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof(text));
  return absl::StrCat("ipv6:[", text, "]:", ntohs(address.sin6_port));
}

}  // namespace

void NoteRead(int socket) { last_read = socket; }

std::string LastPeer() {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (getpeername(last_read, reinterpret_cast<sockaddr*>(&address), &length) != 0) return kUnknown;
  if (address.ss_family == AF_INET) {
    const auto& peer = reinterpret_cast<const sockaddr_in&>(address);
    return Ipv4Name(peer.sin_addr, peer.sin_port);
  }
  if (address.ss_family == AF_INET6) return Ipv6Name(reinterpret_cast<const sockaddr_in6&>(address));
  return address.ss_family == AF_UNIX ? "unix:" : kUnknown;
}

}  // namespace lossd
