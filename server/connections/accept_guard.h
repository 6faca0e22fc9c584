// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Keeps listeners alive when the process runs out of file descriptors, and bounds their connections.

#ifndef LOSSD_SERVER_CONNECTIONS_ACCEPT_GUARD_H_
#define LOSSD_SERVER_CONNECTIONS_ACCEPT_GUARD_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "server/connections/opening_pace.h"

namespace lossd {

// Sets a file descriptor aside. From then on accept4 of this process does not fail for want of one: connections for
// which none is left are accepted with the spare one and closed at once, and the caller is told that nobody is there
// (EAGAIN). A spare one that was lost is replaced as soon as there are some again. Without that, a listener of gRPC
// 1.51 stops accepting for good at the first such failure (CVE-2023-4785). May be called more than once. Thread-safe.
void GuardAccept();

// What connections of a listener may take.
struct ConnectionBounds {
  int64_t connections = std::numeric_limits<int64_t>::max();  // At a time.
  int64_t below = std::numeric_limits<int64_t>::max();        // Their descriptors' numbers: the rest is for others.
  int64_t calls = OpeningPace::kCalls;                        // That each may have at a time, as OpeningPace takes it.
  // Called when a connection is closed instead of being taken, on the thread that accepts and with no lock held; must
  // not block. The client sees its connection made and ended at once.
  std::function<void()> on_refused = [] {};
};

// Bounds the connections that this process accepts at `addresses` from now on, as long as it lives: those beyond are
// closed at once, and whoever accepts hears nothing of them. Those that are there already neither count nor end. Of
// several over the same address the first counts. Thread-safe.
class BoundedListener {
 public:
  BoundedListener(const std::vector<std::string>& addresses, ConnectionBounds bounds);
  BoundedListener(const BoundedListener&) = delete;
  BoundedListener& operator=(const BoundedListener&) = delete;
  // on_refused may still be running on another thread, with what it has captured.
  ~BoundedListener();

  // Connections now, of those accepted since. Looks at each descriptor, for about a microsecond for ten: for scrapes.
  int64_t connections() const;
  // Connections that were refused so far.
  int64_t refused() const;

 private:
  friend class BoundedListeners;
  class State;

  const std::shared_ptr<State> state_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_CONNECTIONS_ACCEPT_GUARD_H_
