// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A few pages over HTTP.

#ifndef LOSSD_SERVER_OPS_HTTP_SERVER_H_
#define LOSSD_SERVER_OPS_HTTP_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace lossd {

// An answer. The body is copied once more when it is sent.
struct HttpPage {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// What clients may take.
struct HttpLimits {
  unsigned int connections = 64;  // At least 2. With three quarters taken, the slowest makes room for a newcomer.
  unsigned int connections_of_host = 16;           // So that one cannot take every place there is.
  absl::Duration idle_timeout = absl::Seconds(5);  // A connection without a request, or its reader, is closed then.
  // Longest from a connection's begin, or its last answer, to its next answer, however busy it is meanwhile.
  absl::Duration request_timeout = absl::Seconds(10);
};

// The limits of each of `addresses` >= 1 that share `connections`: an equal part of them, at least 2 and at most the
// default, and of a host a quarter of that, at least 2.
HttpLimits HttpLimitsWithin(unsigned int connections, size_t addresses);

// Answers GET and HEAD with what a function makes of the path, all other methods with 405; bounded in connections,
// memory (16 KiB a connection, beside the pages) and time. Owns its threads, two an address: one that serves, and one
// that cuts off twice a second what has taken too long. Thread-safe.
class HttpServer {
 public:
  // Makes the page of a path, without the query; status 404 if there is none. Called on the thread of an address, by
  // those of several at once; does not throw. While it runs, the other connections of the address wait.
  using Pages = std::function<HttpPage(absl::string_view path)>;

  // Starts serving. UNAVAILABLE, naming --http_listen and the address, if one cannot be bound; none is served then.
  // What `pages` refers to outlives the server. `limits` hold for each address.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::vector<std::string>& addresses, Pages pages,
                                                           const HttpLimits& limits = {});

  // Cuts connections, and waits for a page that is being made.
  ~HttpServer();

  // The addresses in use, with their ports.
  const std::vector<std::string>& addresses() const { return addresses_; }

 private:
  class Daemon;

  HttpServer();
  absl::Status Add(const std::string& address, const HttpLimits& limits);

  Pages pages_;
  std::vector<std::string> addresses_;
  std::vector<std::unique_ptr<Daemon>> daemons_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_OPS_HTTP_SERVER_H_
