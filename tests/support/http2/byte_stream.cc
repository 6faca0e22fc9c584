// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/http2/byte_stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/status/errno_text.h"

namespace lossd::testing {
namespace {

absl::StatusOr<int> Connect(const std::string& address, int receive_buffer) {
  const size_t colon = address.rfind(':');
  int port = 0;
  sockaddr_in peer = {};
  peer.sin_family = AF_INET;
  if (colon == std::string::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port) ||
      inet_pton(AF_INET, address.substr(0, colon).c_str(), &peer.sin_addr) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("expected host:port, got '", address, "'"));
  }
  peer.sin_port = htons(static_cast<uint16_t>(port));
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return absl::UnavailableError(ErrnoText(errno));
  if (receive_buffer > 0) setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
  if (connect(descriptor, reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)) != 0) {
    const int error = errno;
    close(descriptor);
    return absl::UnavailableError(absl::StrCat(address, ": ", ErrnoText(error)));
  }
  fcntl(descriptor, F_SETFL, O_NONBLOCK);
  return descriptor;
}

struct FreeSession {
  void operator()(SSL* session) const { SSL_free(session); }
};

SSL_CTX* TlsContext() {
  static SSL_CTX* const context = [] {
    signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to peers that are gone.
    SSL_CTX* const made = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(made,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    constexpr unsigned char kProtocols[] = "\2h2";
    SSL_CTX_set_alpn_protos(made, kProtocols, 3);
    return made;
  }();
  return context;
}

class TlsStream final : public ByteStream {
 public:
  explicit TlsStream(int descriptor) : ByteStream(descriptor), session_(SSL_new(TlsContext())) {
    SSL_set_fd(session_.get(), descriptor);
    SSL_set_connect_state(session_.get());
  }

  std::optional<size_t> Read(char* bytes, size_t size) override {
    ERR_clear_error();
    return Progress(SSL_read(session_.get(), bytes, Length(size)));
  }
  std::optional<size_t> Write(absl::string_view bytes) override {
    if (bytes.empty()) return 0;
    ERR_clear_error();
    return Progress(SSL_write(session_.get(), bytes.data(), Length(bytes.size())));
  }

 private:
  static int Length(size_t size) { return static_cast<int>(std::min<size_t>(size, std::numeric_limits<int>::max())); }

  std::optional<size_t> Progress(int result) const {
    if (result > 0) return static_cast<size_t>(result);
    const int error = SSL_get_error(session_.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return 0;
    return std::nullopt;
  }

  const std::unique_ptr<SSL, FreeSession> session_;
};

std::optional<size_t> Progress(ssize_t result) {
  if (result > 0) return static_cast<size_t>(result);
  if (result < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  return std::nullopt;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ByteStream>> ByteStream::Open(const std::string& address, const Options& options) {
  const absl::StatusOr<int> descriptor = Connect(address, options.receive_buffer);
  if (!descriptor.ok()) return descriptor.status();
  if (options.tls) return std::make_unique<TlsStream>(*descriptor);
  return std::unique_ptr<ByteStream>(new ByteStream(*descriptor));
}

ByteStream::~ByteStream() { close(descriptor_); }

std::optional<size_t> ByteStream::Read(char* bytes, size_t size) { return Progress(recv(descriptor_, bytes, size, 0)); }

std::optional<size_t> ByteStream::Write(absl::string_view bytes) {
  if (bytes.empty()) return 0;
  return Progress(send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

}  // namespace lossd::testing
