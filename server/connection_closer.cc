// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connection_closer.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <set>

#include "server/listen_address.h"
#include "server/system_files.h"

namespace lossd {
namespace {

// Local ends that belong to a listener.
struct LocalEnds {
  std::set<int> ports;
  std::set<std::string> paths;
};

LocalEnds EndsOf(const std::vector<std::string>& addresses) {
  LocalEnds ends;
  for (const std::string& text : addresses) {
    const auto address = ParseListenAddress(text);
    if (!address.ok()) continue;
    if (address->is_unix()) {
      ends.paths.insert(address->unix_path);
    } else {
      ends.ports.insert(address->port);
    }
  }
  return ends;
}

bool IsOneOf(int fd, const LocalEnds& ends) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
  if (address.ss_family == AF_INET) {
    return ends.ports.contains(ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port));
  }
  if (address.ss_family == AF_INET6) {
    return ends.ports.contains(ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port));
  }
  if (address.ss_family != AF_UNIX) return false;
  return ends.paths.contains(reinterpret_cast<const sockaddr_un&>(address).sun_path);
}

bool IsListening(int fd) {
  int listening = 0;
  socklen_t length = sizeof(listening);
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening != 0;
}

void ShutDown(const LocalEnds& ends, bool listening) {
  for (const int fd : OpenFiles()) {
    // A duplicate stays the same socket, whatever another thread does to the number.
    const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) continue;
    if (IsOneOf(own, ends) && IsListening(own) == listening) shutdown(own, SHUT_RDWR);
    close(own);
  }
}

}  // namespace

void CloseConnections(const std::vector<std::string>& addresses) {
  const LocalEnds ends = EndsOf(addresses);
  ShutDown(ends, /*listening=*/true);  // First, so that no client comes back.
  ShutDown(ends, /*listening=*/false);
}

}  // namespace lossd
