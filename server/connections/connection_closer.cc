// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/connection_closer.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/connections/local_ends.h"
#include "server/process/system_files.h"

namespace lossd {
namespace {

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
    if (ends.Contain(own) && IsListening(own) == listening) shutdown(own, SHUT_RDWR);
    close(own);
  }
}

}  // namespace

void CloseConnections(const std::vector<std::string>& addresses) {
  const LocalEnds ends = LocalEnds::Of(addresses);
  ShutDown(ends, /*listening=*/true);  // First, so that no client comes back.
  ShutDown(ends, /*listening=*/false);
}

void CloseListeners(const std::vector<std::string>& addresses) {
  ShutDown(LocalEnds::Of(addresses), /*listening=*/true);
}

}  // namespace lossd
