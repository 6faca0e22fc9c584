// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The messages that are on their way to the server over one connection, and the bytes they hold meanwhile.

#ifndef LOSSD_SERVER_INCOMING_MESSAGES_H_
#define LOSSD_SERVER_INCOMING_MESSAGES_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/scheduling/admission.h"

namespace lossd {

// Who waits for a message. Thread-safe.
class MessageReader {
 public:
  virtual ~MessageReader() = default;
  // The message of a reader that may idle has begun to come.
  virtual void OnMessageBegun() = 0;
  // The message is refused; it still ends as every other does. At most once a message.
  virtual void OnMessageRefused(absl::Status status) = 0;
};

// What the last messages of a connection and method needed in all, with outputs, gradients and workspace. Those that
// are as large as ever are refused before they are read while there is no room for them; but now and then one is read
// to see whether they still are. Not thread-safe.
class RecentNeeds {
 public:
  void Add(int64_t bytes);
  // A message was refused unread for the sake of `smallest`, which may be wrong of it.
  void Doubt() { believed_ -= believed_ > 0 ? 1 : 0; }
  // A message has turned out to be as large as those before.
  void Confirm() { believed_ = std::min(seen_, kRemembered); }

  // Of the last few; 0 where none is known, or believed any more.
  int64_t smallest() const;
  // Of the last few; 0 where none is known.
  int64_t largest() const;

 private:
  static constexpr size_t kRemembered = 8;

  std::array<int64_t, kRemembered> needs_ = {};
  size_t seen_ = 0;
  size_t believed_ = 0;  // So many of the latest.
};

// The messages that a connection's calls wait for, from the moment they are asked for until they have come or will not.
// Bytes of theirs that have arrived count in their reservations, so that what the transport holds is within the budget
// although it tells of no message before all of it is there.
//
// What is known is how many bytes the connection has brought, of all kinds. What it brought beyond the messages that
// came whole, and beyond what calls bring besides (Explain), is of messages that are not whole yet: of those whose time
// is limited before those that may idle, the oldest first. Which of several it is does not matter to the sum. Each may
// hold kFreeBytes uncounted, which is what a client may send unasked.
//
// Passive: says when it wants to be asked again. Not thread-safe.
class IncomingMessages {
 public:
  static constexpr int64_t kFreeBytes = 64 << 10;
  // Bytes without a message that waits for them: frames of control, and headers, of which gRPC 1.51 keeps all it gets.
  static constexpr int64_t kMaxStrayBytes = 1 << 20;

  struct Rules {
    int64_t max_bytes = 0;  // Largest message.
    bool may_idle = false;  // Its client may take its time to begin.
    int64_t foreseen = 0;   // What the call is likely to need in all once its message turns out to be large; or 0.
  };

  // A message that is waited for.
  struct Waiting {
    Rules rules;
    Reservation reservation;
    std::weak_ptr<MessageReader> reader;
    int64_t assigned = 0;  // Of the bytes that have arrived.
    bool begun = false;
    bool refused = false;
  };
  using Place = std::list<Waiting>::iterator;

  // What a reader must be told, with no lock held.
  struct Notice {
    std::weak_ptr<MessageReader> reader;
    absl::Status refusal;  // OK: the message has begun.
  };
  using Notices = std::vector<Notice>;

  // All take how many bytes the connection has brought to this moment.

  Place Begin(int64_t arrived, Rules rules, Reservation reservation, std::weak_ptr<MessageReader> reader);
  // Ends one with what is reserved for it. `message_bytes`: of the message that has come, or -1 if none has.
  Reservation End(int64_t arrived, Place place, int64_t message_bytes);
  // Bytes that have come, or soon will, and are no message's.
  void Explain(int64_t arrived, int64_t bytes);
  // Assigns what has arrived: lets reservations grow, or refuses where they cannot. Call it once WakeAt has come.
  Notices Assign(int64_t arrived);

  // Whether nobody waits for what comes, and that is more than it may be.
  bool IsStray(int64_t arrived) const { return waiting_.empty() && arrived - seen_ + unexplained_ > kMaxStrayBytes; }
  // How much may have arrived before Assign has something to do.
  int64_t WakeAt() const;

 private:
  void See(int64_t arrived);
  // Bytes that the transport drops with a message that will not come.
  int64_t Dropped(const Waiting& gone) const;
  void AssignTo(Waiting& waiting, int64_t bytes, Notices& notices);

  int64_t seen_ = 0;         // Of what has arrived.
  int64_t unexplained_ = 0;  // Of that, what is no whole message, and nothing that calls bring besides.
  std::list<Waiting> waiting_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_INCOMING_MESSAGES_H_
