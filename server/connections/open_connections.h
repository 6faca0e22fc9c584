// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Counts connections without being told of their ends.

#ifndef LOSSD_SERVER_CONNECTIONS_OPEN_CONNECTIONS_H_
#define LOSSD_SERVER_CONNECTIONS_OPEN_CONNECTIONS_H_

#include <sys/types.h>

#include <cstdint>
#include <map>

#include "absl/time/time.h"

namespace lossd {

// The number of the socket behind a descriptor, which no other one has before it is gone; 0 if there is none.
ino_t SocketOf(int fd);

// The connections that were accepted by somebody who does not say when they close: by their descriptors, and by the
// numbers of their sockets, which tell whether a descriptor is still that of the same one. What has closed is forgotten
// when it is looked at, or its descriptor's number comes again: so it counts too many between looks, never too few. Not
// thread-safe.
class OpenConnections {
 public:
  // Between looks at all of them where they are too many: one takes about a microsecond for ten.
  static constexpr absl::Duration kBetweenLooks = absl::Milliseconds(100);

  // Adds `fd`, which was just accepted, and says true, unless there are `most` already. May refuse one while another
  // has closed, for kBetweenLooks at most: looking is put off, so that a crowd that is turned away costs little.
  bool Add(int fd, int64_t most, absl::Time now);

  // How many are open now. Looks at all of them: one fstat each.
  int64_t Count();

 private:
  void ForgetClosed();

  // Bounded by the descriptors that the process may have.
  std::map<int, ino_t> sockets_;  // By descriptor.
  absl::Time next_look_ = absl::InfinitePast();
};

}  // namespace lossd

#endif  // LOSSD_SERVER_CONNECTIONS_OPEN_CONNECTIONS_H_
