// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Watches what arrives on the connections of a server, so that it is counted before gRPC tells of it.

#ifndef LOSSD_SERVER_CONNECTIONS_INFLOW_H_
#define LOSSD_SERVER_CONNECTIONS_INFLOW_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/scheduling/admission.h"
#include "core/scheduling/clock.h"
#include "server/connections/connection_taps.h"
#include "server/connections/incoming_messages.h"
#include "server/log/log_limiter.h"
#include "server/log/logger.h"

namespace lossd {

class Inflow;

// One connection, for as long as it lives: the messages that are on their way over it, and what those before needed.
// Thread-safe: one short lock a connection.
//
//    thread that reads          thread of a call                    Inflow's thread ("lossd-inflow")
//    recvmsg: ConnectionTap     IncomingMessage: Begin, End         Assign: grow reservations, refuse
//       |                          | Rewake: says how much more        ^
//       '- WakeAt is reached ------+------- Wakes ---------------------'
//
// The thread that reads neither waits nor assigns: it moves the bytes of all connections.
class InflowConnection {
 public:
  // Kinds of messages whose sizes have nothing to do with each other: of Compute, of ComputeStream, of all others.
  enum class Kind { kUnary, kStream, kSmall };

  // `tap`, which owns this, may be null: then nothing is known before messages have come whole.
  explicit InflowConnection(ConnectionTap* tap) : tap_(tap) {}

  // Whether its messages cannot be told from all else that it brings.
  bool opaque() const { return tap_ == nullptr || tap_->opaque(); }
  // A call of it is over.
  void NoteEnded() {
    if (tap_ != nullptr) tap_->NoteEnded();
  }
  // That call may have brought bytes that were not asked for.
  void NoteUnwanted();
  // Bytes that may have come with a call or an answer and belong to no message. Count only where it is opaque; 0 where
  // nobody waits forgets what came unasked.
  void Explain(int64_t bytes);
  // Whether, at `now`, no message has begun of those that may be long in coming. To be asked now and then: where
  // messages cannot be told from all else, what trickles is taken for the pings that keep an idle connection up.
  bool IsQuiet(absl::Time now);

 private:
  friend class Inflow;
  friend class IncomingMessage;
  friend class MessageBudget;
  struct Wakes;

  int64_t arrived() const { return tap_ == nullptr ? 0 : tap_->arrived(); }
  // What a message brings besides its bytes, of what is counted.
  int64_t FramingOf(int64_t message_bytes) const;
  // Says when there will be something to do, and sees to it if there is already. After each change of messages_.
  void Rewake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Assign();
  // Whether it has brought enough since it was last asked for what is reserved for bytes to come; if not, that is given
  // back. Asked a second after there was something, by the inflow's thread.
  void LookAtPace();

  ConnectionTap* const tap_;
  mutable absl::Mutex mu_;
  std::weak_ptr<Wakes> wakes_ ABSL_GUARDED_BY(mu_);
  std::atomic<const Wakes*> watched_ = nullptr;  // That of wakes_, whose memory is no other's as long as it is there.
  IncomingMessages messages_ ABSL_GUARDED_BY(mu_);
  absl::Time last_look_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();  // Of IsQuiet, where that is opaque,
  absl::Time last_turn_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();  // and of unwanted bytes.
  bool paced_ ABSL_GUARDED_BY(mu_) = false;                           // LookAtPace will come.
  bool flood_told_ ABSL_GUARDED_BY(mu_) = false;                      // That it was cut is in the log.
  int64_t arrived_at_look_ ABSL_GUARDED_BY(mu_) = 0;
  std::array<RecentNeeds, 2> needs_;
};

// What the messages of a method may have, foreseen by what those before needed. Thread-safe.
class MessageBudget {
 public:
  // `admission` is not owned and outlives this. `max_bytes`: of a message.
  MessageBudget(Admission& admission, InflowConnection::Kind kind, int64_t max_bytes)
      : admission_(admission), kind_(kind), max_bytes_(max_bytes), foresight_(admission, max_bytes) {}

  InflowConnection::Kind kind() const { return kind_; }

  // Reserves for a message that is not read yet, and, if `call`, a call, as Foresight::ReserveUnread. For kSmall: a
  // call and no bytes.
  absl::StatusOr<Reservation> ReserveUnread(const InflowConnection& connection, bool call, absl::Time now);
  // What holds while it is read. Refers to this, which outlives the message.
  IncomingMessages::Rules Rules(const InflowConnection& connection);
  // What a message needed in all (Reservation::wanted), for those after it. Not of kSmall.
  void NoteNeed(InflowConnection& connection, int64_t bytes);

 private:
  Admission& admission_;
  const InflowConnection::Kind kind_;
  const int64_t max_bytes_;
  Foresight foresight_;
};

// A message that is waited for; ends when destroyed, as one that will not come. Movable. Not thread-safe.
class IncomingMessage {
 public:
  IncomingMessage() = default;
  // Begins waiting. `reservation`, which must not be empty, grows with what arrives; the reader of `message` is told
  // if it is refused, on the inflow's thread.
  IncomingMessage(std::shared_ptr<InflowConnection> connection, const IncomingMessages::Rules& rules,
                  Reservation reservation, AwaitedMessage message);
  IncomingMessage(IncomingMessage&& other) noexcept = default;
  IncomingMessage& operator=(IncomingMessage&& other) noexcept;
  ~IncomingMessage() { End(-1); }

  // Gives back what is reserved for it as long as it has not begun to come.
  void Relax();
  // The message has come, or, where `message_bytes` is -1, will not: what is reserved for it. Empty the second time.
  // Its reader may still be told of a refusal that was decided before.
  Reservation End(int64_t message_bytes);

 private:
  std::shared_ptr<InflowConnection> connection_;  // Null: none, or ended.
  IncomingMessages::Place place_;
};

// The thread that assigns what has arrived to the messages that wait for it. What is reserved for bytes that do not
// come is given back: a connection with such reservations that brings less than kLeastPace in kPaceTime has none of
// them left, so that a few calls whose messages never come cannot keep the budget from others. Connections without a
// call that send more than frames of control (IncomingMessages::kMaxStrayBytes), or headers without end, are cut and
// logged. Outlives the calls. Thread-safe.
class Inflow {
 public:
  static constexpr absl::Duration kPaceTime = absl::Seconds(1);
  // Less would take minutes for what --transfer_timeout allows seconds.
  static constexpr int64_t kLeastPace = 64 << 10;

  // Neither is owned; both outlive this.
  Inflow(Logger& logger, Clock& clock);
  ~Inflow();

  // Ends the thread, and waits for what it is doing: from then on no message is refused while it arrives, and nothing
  // of a call is kept here. Before what calls need is destroyed. Not thread-safe; later calls do nothing.
  void Stop();

  // The connection of a call, by grpc::ServerContext::peer. Keeps it, closed or not. The same for all calls of a
  // connection; a fresh one, of which nothing is known, where it has no tap. A short lock of all connections.
  std::shared_ptr<InflowConnection> Connection(const std::string& peer);

 private:
  static constexpr int kCutLineBurst = 20;
  static constexpr absl::Duration kCutLinePeriod = absl::Seconds(1);

  void Run();
  void CutStray(InflowConnection& connection);

  Logger& logger_;
  Clock& clock_;
  LogLimiter cut_lines_{kCutLineBurst, kCutLinePeriod};
  const std::shared_ptr<InflowConnection::Wakes> wakes_;
  std::thread thread_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_CONNECTIONS_INFLOW_H_
