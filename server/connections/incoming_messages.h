// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The messages that are on their way to the server over one connection, and the bytes they hold meanwhile.

#ifndef LOSSD_SERVER_CONNECTIONS_INCOMING_MESSAGES_H_
#define LOSSD_SERVER_CONNECTIONS_INCOMING_MESSAGES_H_

#include <cstdint>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/scheduling/admission.h"
#include "server/connections/foresight.h"

namespace lossd {

// Who waits for messages. Thread-safe. Kept alive by others: the messages know it weakly.
class MessageReader {
 public:
  virtual ~MessageReader() = default;
  // A message is refused, whichever number its reader gave it; it still ends as every other does. At most once a
  // message, perhaps when that has ended already.
  virtual void OnMessageRefused(int64_t message, absl::Status status) = 0;
};

// One message of a reader.
struct AwaitedMessage {
  std::weak_ptr<MessageReader> reader;
  int64_t number = 0;  // Of those that the reader has asked for.

  void Refuse(absl::Status status) const {
    if (const auto live = reader.lock()) live->OnMessageRefused(number, std::move(status));
  }
};

// The messages that a connection's calls wait for, from the moment they are asked for until they have come or will not.
// Bytes of theirs that have arrived count in their reservations, so that what the transport holds is within the budget
// although it tells of no message before all of it is there.
//
// What is known is how many bytes of messages the connection has brought, or, where these cannot be told from all else,
// how many bytes. What it brought beyond the messages that came whole, and beyond what calls bring besides
// (Explain), is of messages that are not whole yet: of those whose time is limited before those that may idle; of each
// of the former the same, as far as it may have so much (its max_bytes and kFreeBytes); what is left of one of the
// latter, and of another one only where that is more than one may have. Each may hold kFreeBytes uncounted, which is
// what a client may send unasked. Where one will not come, its part is forgotten: the sum is exact for a connection
// with one message on its way, and an estimate for one with several.
//
//     arrived since the connection began
//     |----- explained: whole messages, and what came besides -----|----- unexplained_ -----|
//
//     of unexplained_ KiB =       100   500   900   2000
//     A, limited, at most 100      50   100   100    100
//     B, limited, at most 600      50   400   600    600
//     C, may idle, at most 900      0     0   200    900
//     D, may idle, at most 900      0     0     0    400
//
//     A share that grows past         is answered by
//     kFreeBytes                      a reservation of what such messages needed lately (foreseen), if that is more
//     the reservation                 one of four times the share: on trust, or else of the worst need
//     what Admission has to give      Refuse: OnMessageRefused; what it has reserved stays until End
//     what all may have together      Refuse, of the oldest: one is too large
//
// What one that may idle was taken to have brought may have been another's, and goes back when that has come whole.
//
// Passive: says when it wants to be asked again. Not thread-safe.
class IncomingMessages {
 public:
  static constexpr int64_t kFreeBytes = kUncountedMessageBytes;
  // Bytes without a message that waits for them: of calls that are refused before theirs is read, of which there may be
  // hundreds at once, with kFreeBytes each; and headers, of which gRPC 1.51 keeps all it gets.
  static constexpr int64_t kMaxStrayBytes = 32 << 20;
  static constexpr int64_t kMaxUnwanted = 1 << 20;

  struct Rules {
    int64_t max_bytes = 0;           // Largest message.
    bool may_idle = false;           // Its client may take its time to begin.
    int64_t foreseen = 0;            // Foresight::LikelyNeed.
    Foresight* foresight = nullptr;  // Null: its growth is no guess. Not owned; outlives the message.
  };

  // A message that is waited for.
  struct Waiting {
    Rules rules;
    Reservation reservation;
    Reservation trusted;  // Of Foresight::trust.
    AwaitedMessage message;
    bool refused = false;
    int64_t refused_at = 0;  // What it had then.
    int64_t room = 0;        // RoomOf it, as far as it is counted.
    int64_t granted = 0;     // Was reserved for it at first.
    bool slow = false;       // Nothing is foreseen for it any more.
  };
  using Place = std::list<Waiting>::iterator;

  // A reader that must be told of its refusal, with no lock held.
  struct Notice {
    AwaitedMessage message;
    absl::Status refusal;
  };
  using Notices = std::vector<Notice>;

  // All take how many bytes the connection has brought to this moment.

  // Begins waiting for one. `reservation`, not empty, is kept until End; the reader is told of a refusal. `early`: so
  // many of the bytes that came while nobody waited may be its own. The place is valid until End.
  Place Begin(int64_t arrived, Rules rules, Reservation reservation, AwaitedMessage message, int64_t early = 0);
  // Ends one with what is reserved for it. `message_bytes`: of the message that has come, with all that it brings
  // besides, or -1 if none has.
  Reservation End(int64_t arrived, Place place, int64_t message_bytes);
  // Gives back what is reserved for one that has not begun to come: it may be long. It is asked for again when it does.
  void Relax(int64_t arrived, Place place);
  // Whether more is reserved than has to be: of bytes that have not come.
  bool Speculates() const { return room_ > static_cast<int64_t>(waiting_.size()) * kFreeBytes; }
  // Gives back what is reserved for bytes that have not come. From now on those that wait get no more than that.
  void HoldWhatCame(int64_t arrived);
  // Bytes that have come, or soon will, and are no message's.
  void Explain(int64_t arrived, int64_t bytes);
  // Assigns what has arrived: lets reservations grow, or refuses where they cannot: RESOURCE_EXHAUSTED by
  // inflight_bytes, or by message_bytes where the bytes are more than all may have. Call it once WakeAt has come, and
  // tell those of the notices once no lock is held. O(n log n) for n that wait.
  Notices Assign(int64_t arrived);

  // A call is over that may have brought bytes that nobody asked for: up to kFreeBytes that are on their way, or have
  // come, are no message's that is waited for, of all such calls kMaxUnwanted.
  void NoteUnwanted();
  // Whether no message of those that may idle has begun. `noise`: so many bytes may be none of a message.
  bool IsQuiet(int64_t arrived, int64_t noise);
  // What unwanted bytes were on their way at the last turn have come by now, and no more of them will.
  void TurnUnwanted(int64_t arrived);
  // Whether nobody waits for what comes, and that is more than it may be.
  bool IsStray(int64_t arrived) const { return waiting_.empty() && arrived - seen_ + unexplained_ > kMaxStrayBytes; }
  // How much may have arrived before Assign has something to do.
  int64_t WakeAt() const;

 private:
  void See(int64_t arrived);
  // What each may have of the unexplained bytes, those that may idle last; what is left beyond all.
  using Shares = std::vector<std::pair<Waiting*, int64_t>>;
  int64_t Share(Shares& shares);
  int64_t ShareOf(const Waiting& waiting);
  // The most that one may have, and what it may have before it must be looked at.
  static int64_t MostOf(const Waiting& waiting);
  static int64_t RoomOf(const Waiting& waiting);
  void CountRoom(Waiting& waiting, int64_t room);
  void TakeBackGuesses();
  // Leaves it `bytes` of what is reserved, if that is more.
  void Shrink(Waiting& waiting, int64_t bytes);
  static void Refuse(Waiting& waiting, int64_t bytes, absl::Status status, Notices& notices);
  static absl::Status Grow(Waiting& waiting, int64_t bytes);
  void AssignTo(Waiting& waiting, int64_t bytes, Notices& notices);

  int64_t seen_ = 0;            // Of what has arrived.
  int64_t unexplained_ = 0;     // Of that, what is no whole message, and nothing that calls bring besides.
  int64_t unwanted_ = 0;        // Of that, what may be of calls that were over at the last turn,
  int64_t to_be_unwanted_ = 0;  // and of those since.
  int64_t room_ = 0;            // Sum of RoomOf all that wait.
  int64_t most_limited_ = 0;    // Sum of MostOf those that may not idle.
  bool guessed_ = false;        // Whether one that may idle was taken to have bytes, which may have been another's.
  std::list<Waiting> waiting_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_CONNECTIONS_INCOMING_MESSAGES_H_
