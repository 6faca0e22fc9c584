// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What libraries would write to stderr.

#ifndef LOSSD_SERVER_RPC_LIBRARY_LOGS_H_
#define LOSSD_SERVER_RPC_LIBRARY_LOGS_H_

#include "server/log/logger.h"

namespace lossd {

// Sends the logs of gRPC and protobuf to ours while it lives, and to nobody afterwards: gRPC's errors as warnings, the
// rest as debug lines; of TLS handshakes that fail also whose they were. Calls that gRPC refuses because their messages
// are compressed have a peer only while this lives (NoteRefusedCall). Threads of the libraries may log at any time,
// also while this is destroyed. Clients can cause gRPC's errors and whatever protobuf says (of text that is not UTF-8),
// as often as they like: a burst of each is let through, then one line a second. One object at a time.
class LibraryLogs {
 public:
  static constexpr int kBurst = 20;

  // `logger` is not owned and outlives this.
  explicit LibraryLogs(Logger& logger);
  LibraryLogs(const LibraryLogs&) = delete;
  LibraryLogs& operator=(const LibraryLogs&) = delete;
  ~LibraryLogs();
};

}  // namespace lossd

#endif  // LOSSD_SERVER_RPC_LIBRARY_LOGS_H_
