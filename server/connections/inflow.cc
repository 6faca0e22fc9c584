// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/inflow.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace lossd {

// The connections on which there is something to do. Thread-safe.
struct InflowConnection::Wakes {
  struct Event {
    std::weak_ptr<InflowConnection> connection;
    bool look;  // At its pace; else bytes have come.
  };

  explicit Wakes(Clock& time) : clock(time) {}

  void Add(std::weak_ptr<InflowConnection> connection) {
    absl::MutexLock lock(&mu);
    waiting.push_back(std::move(connection));
  }
  // One look, when kPaceTime has passed.
  void AddLook(std::weak_ptr<InflowConnection> connection) {
    const absl::Time due = clock.TimeNow() + Inflow::kPaceTime;
    absl::MutexLock lock(&mu);
    looks.emplace_back(due, std::move(connection));
  }

  // The next one, once there is one; nullopt when it is over.
  std::optional<Event> Next() {
    absl::MutexLock lock(&mu);
    while (true) {
      if (stopping) return std::nullopt;
      if (!waiting.empty()) {
        Event event = {std::move(waiting.front()), false};
        waiting.pop_front();
        return event;
      }
      if (!looks.empty() && looks.front().first <= clock.TimeNow()) {
        Event event = {std::move(looks.front().second), true};
        looks.pop_front();
        return event;
      }
      sleeping = looks.empty();
      const absl::Condition has_news(this, &Wakes::HasNews);
      sleeping ? mu.Await(has_news) : static_cast<void>(clock.AwaitWithDeadline(&mu, has_news, looks.front().first));
    }
  }

  void Stop() {
    absl::MutexLock lock(&mu);
    stopping = true;
  }

  bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    return stopping || !waiting.empty() || (sleeping && !looks.empty());
  }

  Clock& clock;
  absl::Mutex mu;
  std::deque<std::weak_ptr<InflowConnection>> waiting ABSL_GUARDED_BY(mu);
  std::deque<std::pair<absl::Time, std::weak_ptr<InflowConnection>>> looks ABSL_GUARDED_BY(mu);  // In time's order.
  bool sleeping ABSL_GUARDED_BY(mu) = false;  // Waits for the first look.
  bool stopping ABSL_GUARDED_BY(mu) = false;
};

void InflowConnection::Explain(int64_t bytes) {
  if (tap_ == nullptr) return;
  absl::MutexLock lock(&mu_);
  messages_.Explain(arrived(), tap_->opaque() ? bytes : 0);  // Else messages are told from the rest.
  Rewake();
}

int64_t InflowConnection::FramingOf(int64_t message_bytes) const {
  constexpr int64_t kPrefix = 5;
  // Where frames and records cannot be told from messages: they are less than
  constexpr int64_t kFramingShare = 64;  // one in so many,
  constexpr int64_t kFramingBytes = 64;  // and these.
  return tap_ != nullptr && !tap_->opaque() ? kPrefix : message_bytes / kFramingShare + kFramingBytes;
}

void InflowConnection::NoteUnwanted() {
  absl::MutexLock lock(&mu_);
  messages_.NoteUnwanted();
}

bool InflowConnection::IsQuiet(absl::Time now) {
  // More than a ping of 39 bytes every ten seconds, and so little that nobody sends a message with it.
  constexpr int64_t kTrickle = 8;  // Bytes a second.
  constexpr absl::Duration kLongestGap = absl::Hours(1);
  constexpr absl::Duration kTurn = absl::Seconds(1);  // What was on its way then has come.
  if (tap_ == nullptr) return true;
  absl::MutexLock lock(&mu_);
  if (now - last_turn_ >= kTurn) {
    last_turn_ = now;
    messages_.TurnUnwanted(arrived());
  }
  if (!tap_->opaque()) return messages_.IsQuiet(arrived(), 0);
  const absl::Duration gap = std::clamp(now - std::exchange(last_look_, now), absl::ZeroDuration(), kLongestGap);
  messages_.Explain(arrived(), kTrickle * absl::ToInt64Milliseconds(gap) / 1000);
  return messages_.IsQuiet(arrived(), IncomingMessages::kFreeBytes);
}

void InflowConnection::Rewake() {
  if (tap_ == nullptr) return;
  const int64_t wake_at = messages_.WakeAt();
  tap_->WakeAt(wake_at);
  const bool to_pace = !paced_ && messages_.Speculates();
  if (arrived() < wake_at && !to_pace) return;
  const auto wakes = wakes_.lock();
  if (wakes == nullptr) return;
  const std::shared_ptr<InflowConnection> self(tap_->shared_from_this(), this);
  if (arrived() >= wake_at) wakes->Add(self);
  if (!to_pace) return;
  paced_ = true;
  arrived_at_look_ = arrived();
  wakes->AddLook(self);
}

void InflowConnection::LookAtPace() {
  absl::MutexLock lock(&mu_);
  if (arrived() - arrived_at_look_ < Inflow::kLeastPace) messages_.HoldWhatCame(arrived());
  paced_ = false;
  Rewake();
}

void InflowConnection::Assign() {
  IncomingMessages::Notices notices;
  {
    absl::MutexLock lock(&mu_);
    notices = messages_.Assign(arrived());
    Rewake();
  }
  for (IncomingMessages::Notice& notice : notices) notice.message.Refuse(std::move(notice.refusal));
}

absl::StatusOr<Reservation> MessageBudget::ReserveUnread(const InflowConnection& connection, bool call,
                                                         absl::Time now) {
  if (kind_ == InflowConnection::Kind::kSmall) return admission_.Reserve(0);
  return foresight_.ReserveUnread(connection.needs_[static_cast<size_t>(kind_)], call, now);
}

IncomingMessages::Rules MessageBudget::Rules(const InflowConnection& connection) {
  IncomingMessages::Rules rules = {.max_bytes = max_bytes_, .may_idle = kind_ == InflowConnection::Kind::kStream};
  if (kind_ == InflowConnection::Kind::kSmall) return rules;
  rules.foreseen = foresight_.LikelyNeed(connection.needs_[static_cast<size_t>(kind_)]);
  rules.foresight = &foresight_;
  return rules;
}

void MessageBudget::NoteNeed(InflowConnection& connection, int64_t bytes) {
  if (bytes == 0) return;  // It failed before that was known.
  foresight_.Note(connection.needs_[static_cast<size_t>(kind_)], bytes);
}

IncomingMessage::IncomingMessage(std::shared_ptr<InflowConnection> connection, const IncomingMessages::Rules& rules,
                                 Reservation reservation, AwaitedMessage message)
    : connection_(std::move(connection)) {
  absl::MutexLock lock(&connection_->mu_);
  const int64_t early = connection_->opaque() ? 0 : connection_->tap_->since_opened();
  place_ =
      connection_->messages_.Begin(connection_->arrived(), rules, std::move(reservation), std::move(message), early);
  connection_->Rewake();
}

IncomingMessage& IncomingMessage::operator=(IncomingMessage&& other) noexcept {
  if (this == &other) return *this;
  End(-1);
  connection_ = std::move(other.connection_);
  place_ = other.place_;
  return *this;
}

void IncomingMessage::Relax() {
  if (connection_ == nullptr) return;
  absl::MutexLock lock(&connection_->mu_);
  connection_->messages_.Relax(connection_->arrived(), place_);
  connection_->Rewake();
}

Reservation IncomingMessage::End(int64_t message_bytes) {
  if (connection_ == nullptr) return Reservation();
  const std::shared_ptr<InflowConnection> connection = std::exchange(connection_, nullptr);
  absl::MutexLock lock(&connection->mu_);
  const int64_t brought = message_bytes < 0 ? -1 : message_bytes + connection->FramingOf(message_bytes);
  Reservation reservation = connection->messages_.End(connection->arrived(), place_, brought);
  connection->Rewake();
  return reservation;
}

Inflow::Inflow(Logger& logger, Clock& clock)
    : logger_(logger),
      clock_(clock),
      wakes_(std::make_shared<InflowConnection::Wakes>(clock)),
      thread_([this] { Run(); }) {}

Inflow::~Inflow() { Stop(); }

void Inflow::Stop() {
  wakes_->Stop();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<InflowConnection> Inflow::Connection(const std::string& peer) {
  const std::shared_ptr<ConnectionTap> tap = FindTap(peer);
  if (tap == nullptr) return std::make_shared<InflowConnection>(nullptr);
  // The tap owns it, and so lives as long as it is used.
  std::shared_ptr<InflowConnection> connection(tap, &tap->Attached<InflowConnection>(tap.get()));
  if (connection->watched_.load(std::memory_order_acquire) == wakes_.get()) return connection;
  absl::MutexLock lock(&connection->mu_);
  connection->wakes_ = wakes_;
  connection->paced_ = false;
  tap->SetWaker([wakes = std::weak_ptr(wakes_), weak = std::weak_ptr(connection)] {
    if (const auto live = wakes.lock()) live->Add(weak);
  });
  if (tap->floods()) wakes_->Add(connection);  // Nobody was there to hear of it.
  connection->Rewake();
  connection->watched_.store(wakes_.get(), std::memory_order_release);
  return connection;
}

void Inflow::Run() {
  pthread_setname_np(pthread_self(), "lossd-inflow");
  while (const auto next = wakes_->Next()) {
    const auto connection = next->connection.lock();
    if (connection == nullptr) continue;
    if (next->look) {
      connection->LookAtPace();
      continue;
    }
    CutStray(*connection);
    connection->Assign();
  }
}

void Inflow::CutStray(InflowConnection& connection) {
  bool floods = false;
  {
    absl::MutexLock lock(&connection.mu_);
    floods = connection.tap_->floods() && !std::exchange(connection.flood_told_, true);
    if (!floods && !connection.messages_.IsStray(connection.arrived())) return;
  }
  const std::string& peer = connection.tap_->peer();
  if (!floods) CutConnections(peer);  // Else it was cut where it was read.
  const absl::Time now = clock_.TimeNow();
  if (const auto held_back = cut_lines_.Admit(now)) {
    logger_.Log(LogLevel::kWarning,
                floods ? "cut a connection that flooded with headers or calls"
                       : "cut a connection that sent bytes without a call",
                {{"peer", peer}, {"held_back", *held_back}});
  }
}

}  // namespace lossd
