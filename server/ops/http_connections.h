// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Sees to it that connections of an HTTP server come to an end.

#ifndef LOSSD_SERVER_OPS_HTTP_CONNECTIONS_H_
#define LOSSD_SERVER_OPS_HTTP_CONNECTIONS_H_

#include <cstddef>
#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace lossd {

// The connections of one listening socket, by the time since which each has been at its present request: since it
// began, or since its last answer left. One that is at it for too long is shut down, however busily it sends or reads,
// a byte at a time; and where there are many the longest at it makes room for a newcomer, so that whoever asks and
// reads at once is answered whatever others do. Shutting down is all it does: who owns a socket notices and closes it.
// Thread-safe.
class HttpConnections {
 public:
  // Whatever is unique among those that are open, as the address of the library's object.
  using Id = const void*;

  // More than `most` >= 1 are not kept; a request may take `deadline` in all.
  HttpConnections(size_t most, absl::Duration deadline) : most_(most), deadline_(deadline) {}

  // A connection was made. Its descriptor `fd` stays open until OnClosed. Beyond `most` the one that has been at its
  // request for longest is shut down, never this one.
  void OnStarted(Id connection, int fd, absl::Time now);
  // It has got an answer and may ask again: its time begins anew.
  void OnAnswered(Id connection, absl::Time now);
  // It is about to be closed. `connection` and its descriptor may be others' afterwards. Nothing for one that is not
  // known.
  void OnClosed(Id connection);

  // Shuts down those that have been at a request for longer than allowed.
  void CutOverdue(absl::Time now);

 private:
  struct Connection {
    int fd = -1;
    absl::Time since;
    bool cut = false;  // Shut down; counts no more.
  };

  void Cut(Connection& connection) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CutOldestBut(Id newcomer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const size_t most_;
  const absl::Duration deadline_;
  absl::Mutex mu_;
  std::map<Id, Connection> connections_ ABSL_GUARDED_BY(mu_);
  size_t alive_ ABSL_GUARDED_BY(mu_) = 0;  // Of connections_, those that are not cut.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_OPS_HTTP_CONNECTIONS_H_
