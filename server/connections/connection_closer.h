// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Cuts the connections of a listener.

#ifndef LOSSD_SERVER_CONNECTIONS_CONNECTION_CLOSER_H_
#define LOSSD_SERVER_CONNECTIONS_CONNECTION_CLOSER_H_

#include <string>
#include <vector>

namespace lossd {

// Shuts down every socket of this process that listens on one of `addresses` or was accepted there; what was written to
// them still arrives. A client sees its connection end, and a call that was on its way ends UNAVAILABLE, which clients
// retry; grpc::Server::Shutdown alone would give it CANCELLED, which they do not.
void CloseConnections(const std::vector<std::string>& addresses);

// The same of those alone that listen: no connection is accepted any more. Both look at all descriptors of the process,
// and leave them to their owners to close. Thread-safe.
void CloseListeners(const std::vector<std::string>& addresses);

}  // namespace lossd

#endif  // LOSSD_SERVER_CONNECTIONS_CONNECTION_CLOSER_H_
