// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Tells whose bytes a thread has read last.

#ifndef LOSSD_SERVER_CONNECTIONS_LAST_PEER_H_
#define LOSSD_SERVER_CONNECTIONS_LAST_PEER_H_

#include <string>

namespace lossd {

// The peer of the socket from which this thread has read last, by recvmsg, as gRPC names peers: "ipv4:10.0.0.1:5000",
// "ipv6:[::1]:5000", "unix:"; "unknown" if there is none, or it is gone. gRPC 1.51 logs a handshake that fails without
// saying whose it was, on the thread that has just read the bytes that were wrong.
std::string LastPeer();

// This thread reads from `socket` now. This process's recvmsg says so (connection_taps.h).
void NoteRead(int socket);

}  // namespace lossd

#endif  // LOSSD_SERVER_CONNECTIONS_LAST_PEER_H_
