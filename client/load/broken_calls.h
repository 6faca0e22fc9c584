// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Calls that break off in the middle of their message.

#ifndef LOSSD_CLIENT_LOAD_BROKEN_CALLS_H_
#define LOSSD_CLIENT_LOAD_BROKEN_CALLS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "client/load/chaos.h"
#include "client/load/stop_signal.h"

namespace lossd::load {

// HTTP/2 as a gRPC client would send it up to some point of a Compute call with a message of `message_bytes` bytes: the
// preface, settings, headers, and `sent` bytes of the message, of which no more than 16000 are: so many a server takes
// unasked.
std::string BeginningOfCall(int64_t message_bytes, int64_t sent);

// Makes such calls one after the other, each on a connection of its own that is dropped after a random time, from
// construction to destruction, on a thread of its own. In plain text: a server that speaks TLS drops them before it
// sees a call. What becomes of them is not looked at; connections that are refused are tried again.
class BrokenCalls {
 public:
  // `chaos` is not owned and outlives this. An error where `target` takes no connection.
  static absl::StatusOr<std::unique_ptr<BrokenCalls>> Start(const std::string& target, int64_t message_bytes,
                                                            Chaos* chaos);
  // Waits for the call under way: as long as the system takes to connect, and a second at most for each piece.
  ~BrokenCalls();

 private:
  BrokenCalls(std::string target, int64_t message_bytes, Chaos* chaos);
  void Run();

  const std::string target_;
  const int64_t message_bytes_;
  Chaos* const chaos_;
  StopSignal stop_;
  std::thread thread_;
};

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_BROKEN_CALLS_H_
