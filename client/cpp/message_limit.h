// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The longest message of a client.

#ifndef LOSSD_CLIENT_CPP_MESSAGE_LIMIT_H_
#define LOSSD_CLIENT_CPP_MESSAGE_LIMIT_H_

#include <atomic>
#include <cstdint>

#include "client/cpp/client_options.h"

namespace lossd::client {

// What ClientOptions::max_message_bytes says, else what the server said last, else kDefaultMaxMessageBytes. Bounds what
// is sent, before it is; what comes is bounded by gRPC: at the option, or else at 2 GiB. Thread-safe, without locks.
class MessageLimit {
 public:
  explicit MessageLimit(const ClientOptions& options)
      : given_(options.max_message_bytes.has_value()),
        bytes_(options.max_message_bytes.value_or(kDefaultMaxMessageBytes)) {}

  // In force now. A message that was encoded before it changed goes as it is.
  int64_t bytes() const { return bytes_; }
  // The server takes messages of so many bytes; 0: it did not say. Changes nothing where the option was given.
  void Learn(int64_t bytes) {
    if (!given_ && bytes > 0) bytes_ = bytes;
  }

 private:
  const bool given_;
  std::atomic<int64_t> bytes_;
};

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_MESSAGE_LIMIT_H_
