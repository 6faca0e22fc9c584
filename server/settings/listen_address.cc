// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/settings/listen_address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status/errno_text.h"

namespace lossd {
namespace {

constexpr absl::string_view kUnixScheme = "unix:";

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

absl::Status Malformed(absl::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat("expected host:port with a port from 0 to 65535, or unix:/path, got \"", text, "\""));
}

int PortOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

absl::Status SystemError() { return absl::UnavailableError(ErrnoText(errno)); }

absl::StatusOr<BoundSocket> Listen(const addrinfo& candidate) {
  BoundSocket bound;
  bound.fd = socket(candidate.ai_family, candidate.ai_socktype | SOCK_CLOEXEC, candidate.ai_protocol);
  if (bound.fd < 0) return SystemError();
  const int on = 1;
  setsockopt(bound.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (bind(bound.fd, candidate.ai_addr, candidate.ai_addrlen) != 0 || listen(bound.fd, SOMAXCONN) != 0 ||
      getsockname(bound.fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    const absl::Status error = SystemError();
    close(bound.fd);
    return error;
  }
  bound.port = PortOf(address);
  return bound;
}

}  // namespace

absl::StatusOr<ListenAddress> ParseListenAddress(absl::string_view text) {
  ListenAddress address;
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, kUnixScheme)) {
    if (!absl::StartsWith(rest, "/")) return Malformed(text);
    constexpr size_t kLongestPath = sizeof(sockaddr_un::sun_path) - 1;
    if (rest.size() > kLongestPath) {
      return absl::InvalidArgumentError(absl::StrCat("expected a path of a unix socket of at most ", kLongestPath,
                                                     " bytes, got ", rest.size(), " in \"", text, "\""));
    }
    address.unix_path = std::string(rest);
    return address;
  }
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return Malformed(text);
  absl::string_view host = text.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) {
    if (!absl::ConsumeSuffix(&host, "]")) return Malformed(text);
  } else if (absl::StrContains(host, ':')) {
    return Malformed(text);
  }
  const bool number = absl::SimpleAtoi(text.substr(colon + 1), &address.port);
  if (host.empty() || !number || address.port < 0 || address.port > 65535) return Malformed(text);
  address.host = std::string(host);
  return address;
}

bool IsUnixAddress(absl::string_view text) { return absl::StartsWith(text, kUnixScheme); }

std::string ListenAddressText(const ListenAddress& address) {
  if (address.is_unix()) return absl::StrCat(kUnixScheme, address.unix_path);
  if (absl::StrContains(address.host, ':')) return absl::StrCat("[", address.host, "]:", address.port);
  return absl::StrCat(address.host, ":", address.port);
}

absl::Status CheckPathIsFree(const ListenAddress& address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (address.unix_path.size() >= sizeof(name.sun_path)) return absl::OkStatus();  // Cannot be bound either.
  address.unix_path.copy(name.sun_path, sizeof(name.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return SystemError();
  const int error = connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0 ? 0 : errno;
  close(fd);
  if (error == ENOENT || error == ECONNREFUSED) return absl::OkStatus();
  const bool answered = error == 0 || error == EAGAIN;  // EAGAIN: many wait to be answered.
  return absl::UnavailableError(answered ? "another server answers there" : ErrnoText(error));
}

absl::StatusOr<BoundSocket> BindTcp(const ListenAddress& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(address.host.c_str(), absl::StrCat(address.port).c_str(), &hints, &found);
  if (error != 0) return absl::UnavailableError(gai_strerror(error));
  const AddressList candidates(found, &freeaddrinfo);
  return Listen(*candidates);
}

}  // namespace lossd
