// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/ops/http_connections.h"

#include <sys/socket.h>

namespace lossd {

void HttpConnections::OnStarted(Id connection, int fd, absl::Time now) {
  absl::MutexLock lock(&mu_);
  connections_[connection] = {.fd = fd, .since = now};
  if (++alive_ > most_) CutOldestBut(connection);
}

void HttpConnections::OnAnswered(Id connection, absl::Time now) {
  absl::MutexLock lock(&mu_);
  const auto found = connections_.find(connection);
  if (found != connections_.end()) found->second.since = now;
}

void HttpConnections::OnClosed(Id connection) {
  absl::MutexLock lock(&mu_);
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return;
  if (!found->second.cut) --alive_;
  connections_.erase(found);
}

void HttpConnections::CutOverdue(absl::Time now) {
  absl::MutexLock lock(&mu_);
  for (auto& [id, connection] : connections_) {
    if (!connection.cut && now - connection.since > deadline_) Cut(connection);
  }
}

void HttpConnections::Cut(Connection& connection) {
  shutdown(connection.fd, SHUT_RDWR);
  connection.cut = true;
  --alive_;
}

void HttpConnections::CutOldestBut(Id newcomer) {
  Connection* oldest = nullptr;
  for (auto& [id, connection] : connections_) {
    if (id == newcomer || connection.cut) continue;
    if (oldest == nullptr || connection.since < oldest->since) oldest = &connection;
  }
  if (oldest != nullptr) Cut(*oldest);
}

}  // namespace lossd
