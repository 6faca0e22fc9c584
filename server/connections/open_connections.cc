// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/open_connections.h"

#include <sys/stat.h>

namespace lossd {

ino_t SocketOf(int fd) {
  struct stat properties {};
  return fstat(fd, &properties) == 0 && S_ISSOCK(properties.st_mode) ? properties.st_ino : 0;
}

bool OpenConnections::Add(int fd, int64_t most, absl::Time now) {
  sockets_.erase(fd);  // Closed meanwhile, or its number would not be free.
  if (static_cast<int64_t>(sockets_.size()) >= most && now >= next_look_) {
    ForgetClosed();
    next_look_ = now + kBetweenLooks;
  }
  if (static_cast<int64_t>(sockets_.size()) >= most) return false;
  sockets_[fd] = SocketOf(fd);
  return true;
}

int64_t OpenConnections::Count() {
  ForgetClosed();
  return static_cast<int64_t>(sockets_.size());
}

void OpenConnections::ForgetClosed() {
  std::erase_if(sockets_, [](const auto& entry) { return SocketOf(entry.first) != entry.second; });
}

}  // namespace lossd
