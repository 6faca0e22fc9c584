// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/socket_connection.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status/errno_text.h"
#include "core/status/status_macros.h"

namespace lossd::load {
namespace {

absl::Status SystemError(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", ErrnoText(errno)));
}

// Connects `descriptor`, whose reads and writes give up after `timeout` from then on. Closes it if that fails.
absl::Status Connect(int descriptor, const sockaddr* address, socklen_t length, const std::string& target,
                     absl::Duration timeout) {
  const timeval limit = absl::ToTimeval(timeout);
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));  // Holds for connecting, too.
  if (connect(descriptor, address, length) == 0) return absl::OkStatus();
  const bool late = errno == EINPROGRESS || errno == EAGAIN;
  absl::Status status =
      late ? absl::UnavailableError(absl::StrCat(target, ": no connection within ", absl::FormatDuration(timeout)))
           : SystemError(target);
  close(descriptor);
  return status;
}

absl::StatusOr<int> OpenUnix(absl::string_view path, absl::Duration timeout) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("unix:", path, ": the path is too long"));
  }
  path.copy(address.sun_path, path.size());
  const int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
  if (descriptor < 0) return SystemError("socket");
  LOSSD_RETURN_IF_ERROR(Connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address),
                                absl::StrCat("unix:", path), timeout));
  return descriptor;
}

absl::StatusOr<int> OpenTcp(const std::string& target, absl::Duration timeout) {
  const size_t colon = target.rfind(':');
  if (colon == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("expected host:port or unix:/path, got '", target, "'"));
  }
  std::string host = target.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), target.c_str() + colon + 1, &hints, &found) != 0) {
    return absl::UnavailableError(absl::StrCat(target, ": no such host"));
  }
  absl::Status status = absl::UnavailableError(absl::StrCat(target, ": no address"));
  int connected = -1;
  for (const addrinfo* address = found; address != nullptr && connected < 0; address = address->ai_next) {
    const int descriptor = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    status = descriptor < 0 ? SystemError("socket")
                            : Connect(descriptor, address->ai_addr, address->ai_addrlen, target, timeout);
    if (status.ok()) connected = descriptor;
  }
  freeaddrinfo(found);
  if (connected < 0) return status;
  return connected;
}

// "dns:///host:port", "dns://resolver/host:port" and "ipv4:host:port" without what precedes the host; of several
// addresses the first.
std::string WithoutScheme(absl::string_view target) {
  for (const char* scheme : {"dns:", "ipv4:", "ipv6:", "passthrough:"}) {
    if (!absl::ConsumePrefix(&target, scheme)) continue;
    if (absl::ConsumePrefix(&target, "//")) target.remove_prefix(std::min(target.find('/') + 1, target.size()));
    break;
  }
  return std::string(target.substr(0, target.find(',')));
}

}  // namespace

absl::StatusOr<SocketConnection> SocketConnection::Open(const std::string& target, absl::Duration timeout) {
  absl::string_view path = target;
  const absl::StatusOr<int> descriptor =
      absl::ConsumePrefix(&path, "unix:") ? OpenUnix(path, timeout) : OpenTcp(WithoutScheme(target), timeout);
  if (!descriptor.ok()) return descriptor.status();
  return SocketConnection(*descriptor);
}

SocketConnection::~SocketConnection() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status SocketConnection::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written <= 0) return SystemError("send");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SocketConnection::ReadAll() {
  std::string text;
  char chunk[65536];
  while (true) {
    const ssize_t got = recv(descriptor_, chunk, sizeof(chunk), 0);
    if (got < 0) return SystemError("recv");
    if (got == 0) return text;
    text.append(chunk, static_cast<size_t>(got));
  }
}

}  // namespace lossd::load
