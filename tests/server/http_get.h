// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Asks an HTTP server, in as few lines as a test needs.

#ifndef LOSSD_TESTS_SERVER_HTTP_GET_H_
#define LOSSD_TESTS_SERVER_HTTP_GET_H_

#include <string>

namespace lossd::testing {

struct HttpReply {
  int status = 0;  // 0: no reply.
  std::string head;
  std::string body;
};

// Sends `method` for `path` to "127.0.0.1:port" and reads until the server closes.
// A socket that `host` (an IPv4 address of this machine) has connected to `address`. Owned by the caller.
int ConnectFrom(const std::string& host, const std::string& address);

HttpReply HttpAsk(const std::string& address, const std::string& path, const std::string& method = "GET");

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SERVER_HTTP_GET_H_
