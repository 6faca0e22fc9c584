// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Tells whose bytes a thread has read last.

#ifndef LOSSD_SERVER_CONNECTIONS_LAST_PEER_H_
#define LOSSD_SERVER_CONNECTIONS_LAST_PEER_H_

#include <optional>
#include <string>

namespace lossd {

// What peers over unix sockets begin with, which have no addresses. Calls have a number behind it (connection_taps.h).
inline constexpr char kUnixPeer[] = "unix:";

// Who is at the other end of `socket`, as grpc::ServerContext::peer has it: "ipv4:127.0.0.1:41000",
// "ipv6:%5B::1%5D:41000", "unix:". nullopt if nobody is.
std::optional<std::string> PeerOf(int socket);

// The peer of the socket from which this thread has read last, by recvmsg; "unknown" if there is none, or it is gone.
// gRPC 1.51 logs a handshake that fails without saying whose it was, on the thread that has just read the bytes that
// were wrong.
std::string LastPeer();

// This thread reads from `socket` now. This process's recvmsg says so (connection_taps.h).
void NoteRead(int socket);

// gRPC has refused a call in what this thread has read last, and will hand it over without its peer, on any thread.
void NoteRefusedCall();
// The peer of a call that was handed over so. Of several that were refused in the same moment, by different clients,
// one may have another's. "unknown" if none was noted.
std::string TakeRefusedPeer();

}  // namespace lossd

#endif  // LOSSD_SERVER_CONNECTIONS_LAST_PEER_H_
