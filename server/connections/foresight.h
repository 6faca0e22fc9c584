// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What messages will need that have not been read yet, by what those before them needed.

#ifndef LOSSD_SERVER_CONNECTIONS_FORESIGHT_H_
#define LOSSD_SERVER_CONNECTIONS_FORESIGHT_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/scheduling/admission.h"

namespace lossd {

// A message of which no more has arrived counts nowhere: what a client may send before it is read.
inline constexpr int64_t kUncountedMessageBytes = 64 << 10;

// What the last messages of a connection and method, or of all connections, needed in all: with outputs, gradients and
// workspace. Thread-safe, without locks: of two that are added at once, one may be forgotten.
class RecentNeeds {
 public:
  void Add(int64_t bytes);

  bool known() const { return seen_.load(std::memory_order_relaxed) > 0; }
  // Of the last few; 0 where none is known.
  int64_t smallest() const;
  int64_t largest() const;

 private:
  static constexpr size_t kRemembered = 8;

  std::array<std::atomic<int64_t>, kRemembered> needs_ = {};
  std::atomic<size_t> seen_ = 0;
};

// Foresees what messages of a kind will need before they are read, so that those for which there is no room are refused
// unread: otherwise a server whose budget is full spends itself on reading what it then refuses. Goes by the last
// messages of the connection, and, where there were none, by the last ones of all. Thread-safe.
class Foresight {
 public:
  // So often one is read for which there seems to be no room, to see whether it is like those before.
  static constexpr absl::Duration kDoubtPeriod = absl::Milliseconds(100);

  // `admission` is not owned and outlives this. `max_message_bytes`: largest message.
  Foresight(Admission& admission, int64_t max_message_bytes);

  // Reserves what a message will need at least, and, for a unary one, a call. An error as Admission::Reserve.
  absl::StatusOr<Reservation> ReserveUnread(const RecentNeeds& connection, bool call, absl::Time now);
  // What it is likely to need once it has turned out to be large; 0: not known.
  int64_t LikelyNeed(const RecentNeeds& connection) const;
  // What a message has needed.
  void Note(RecentNeeds& connection, int64_t bytes);

  // Messages on their way leave a sixteenth of the budget to small calls, or less where it is hardly more than a
  // message.
  int64_t spare() const { return spare_; }
  // What a message on its way may have at most.
  int64_t most() const { return admission_.max_bytes() - spare_; }
  // Of messages that outgrow what was foreseen, so many bytes may be read on trust: an eighth of the budget.
  Admission& trust() { return trust_; }
  // Beyond that, such a message must have what the largest needs at least.
  int64_t worst_need() const { return worst_need_; }

 private:
  Admission& admission_;
  Admission trust_;
  const int64_t worst_need_;
  const int64_t spare_;
  RecentNeeds all_;
  std::atomic<int64_t> doubted_ = std::numeric_limits<int64_t>::min();  // In nanoseconds since 1970.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_CONNECTIONS_FORESIGHT_H_
