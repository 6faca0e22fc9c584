// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/local_ends.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "server/settings/listen_address.h"

namespace lossd {

LocalEnds LocalEnds::Of(const std::vector<std::string>& addresses) {
  LocalEnds ends;
  for (const std::string& text : addresses) {
    const auto address = ParseListenAddress(text);
    if (!address.ok()) continue;
    if (address->is_unix()) {
      ends.paths_.insert(address->unix_path);
    } else {
      ends.ports_.insert(address->port);
    }
  }
  return ends;
}

bool LocalEnds::Contain(int fd) const {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
  if (address.ss_family == AF_INET) {
    return ports_.contains(ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port));
  }
  if (address.ss_family == AF_INET6) {
    return ports_.contains(ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port));
  }
  if (address.ss_family != AF_UNIX) return false;
  return paths_.contains(reinterpret_cast<const sockaddr_un&>(address).sun_path);
}

}  // namespace lossd
