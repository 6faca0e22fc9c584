// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A socket to a server that never waits, plain or with TLS.

#ifndef LOSSD_TESTS_SUPPORT_HTTP2_BYTE_STREAM_H_
#define LOSSD_TESTS_SUPPORT_HTTP2_BYTE_STREAM_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lossd::testing {

// Bytes to and from a peer. Closed on destruction. Not thread-safe.
class ByteStream {
 public:
  struct Options {
    bool tls = false;        // Whoever the server says it is, over HTTP/2 by ALPN.
    int receive_buffer = 0;  // Bytes that the system keeps unread; 0: as many as it likes.
  };

  // Connects to "host:port" of this machine. UNAVAILABLE if nobody listens.
  static absl::StatusOr<std::unique_ptr<ByteStream>> Open(const std::string& address, const Options& options);
  virtual ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  // How many bytes could be read into `bytes`, or written of it, now; nullopt once the peer is gone.
  virtual std::optional<size_t> Read(char* bytes, size_t size);
  virtual std::optional<size_t> Write(absl::string_view bytes);

  int descriptor() const { return descriptor_; }

 protected:
  explicit ByteStream(int descriptor) : descriptor_(descriptor) {}

 private:
  const int descriptor_;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_HTTP2_BYTE_STREAM_H_
