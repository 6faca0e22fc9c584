// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Which sockets belong to a listener.

#ifndef LOSSD_SERVER_CONNECTIONS_LOCAL_ENDS_H_
#define LOSSD_SERVER_CONNECTIONS_LOCAL_ENDS_H_

#include <set>
#include <string>
#include <vector>

namespace lossd {

// The ports and paths of listeners. Immutable; keeps nothing open.
class LocalEnds {
 public:
  // Of addresses in use, "127.0.0.1:41000" or "unix:/path"; others are skipped. Ports count, hosts do not: a listener
  // on any address of the machine has connections on one of them.
  static LocalEnds Of(const std::vector<std::string>& addresses);

  // Whether `fd` is a socket that listens there or was accepted there. One system call; false for what is no socket.
  bool Contain(int fd) const;

 private:
  std::set<int> ports_;
  std::set<std::string> paths_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_CONNECTIONS_LOCAL_ENDS_H_
