// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/inflow.h"

#include <pthread.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace lossd {

// The connections on which there is something to do.
struct InflowConnection::Wakes {
  void Add(std::weak_ptr<InflowConnection> connection) {
    absl::MutexLock lock(&mu);
    waiting.push_back(std::move(connection));
  }

  // The next one, once there is one; nullopt when it is over.
  std::optional<std::weak_ptr<InflowConnection>> Next() {
    absl::MutexLock lock(&mu);
    mu.Await(absl::Condition(this, &Wakes::HasNews));
    if (stopping) return std::nullopt;
    auto next = std::move(waiting.front());
    waiting.pop_front();
    return next;
  }

  void Stop() {
    absl::MutexLock lock(&mu);
    stopping = true;
  }

  bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) { return stopping || !waiting.empty(); }

  absl::Mutex mu;
  std::deque<std::weak_ptr<InflowConnection>> waiting ABSL_GUARDED_BY(mu);
  bool stopping ABSL_GUARDED_BY(mu) = false;
};

absl::StatusOr<Reservation> InflowConnection::ReserveUnread(Admission& admission, Kind kind, bool call) {
  int64_t bytes = 0;
  if (kind != Kind::kSmall) {
    absl::MutexLock lock(&mu_);
    bytes = needs_[static_cast<size_t>(kind)].smallest();
  }
  auto reservation = call ? admission.Reserve(bytes) : admission.ReserveBytes(bytes);
  if (!reservation.ok() && bytes > 0) {
    absl::MutexLock lock(&mu_);
    needs_[static_cast<size_t>(kind)].Doubt();
  }
  return reservation;
}

void InflowConnection::NoteNeed(Kind kind, int64_t bytes) {
  if (kind == Kind::kSmall) return;
  absl::MutexLock lock(&mu_);
  needs_[static_cast<size_t>(kind)].Add(bytes);
}

void InflowConnection::NoteOutgrown(Kind kind) {
  if (kind == Kind::kSmall) return;
  absl::MutexLock lock(&mu_);
  needs_[static_cast<size_t>(kind)].Confirm();
}

void InflowConnection::Explain(int64_t bytes) {
  absl::MutexLock lock(&mu_);
  messages_.Explain(arrived(), bytes);
  Rewake();
}

void InflowConnection::Rewake() {
  if (tap_ == nullptr) return;
  const int64_t wake_at = messages_.WakeAt();
  tap_->WakeAt(wake_at);
  if (arrived() < wake_at) return;
  const auto wakes = wakes_.lock();
  if (wakes != nullptr) wakes->Add(std::shared_ptr<InflowConnection>(tap_->shared_from_this(), this));
}

void InflowConnection::Assign() {
  IncomingMessages::Notices notices;
  {
    absl::MutexLock lock(&mu_);
    notices = messages_.Assign(arrived());
    Rewake();
  }
  for (IncomingMessages::Notice& notice : notices) {
    const auto reader = notice.reader.lock();
    if (reader == nullptr) continue;
    if (notice.refusal.ok()) {
      reader->OnMessageBegun();
    } else {
      reader->OnMessageRefused(std::move(notice.refusal));
    }
  }
}

IncomingMessage::IncomingMessage(std::shared_ptr<InflowConnection> connection, InflowConnection::Kind kind,
                                 int64_t max_bytes, Reservation reservation, std::weak_ptr<MessageReader> reader)
    : connection_(std::move(connection)) {
  absl::MutexLock lock(&connection_->mu_);
  IncomingMessages::Rules rules = {.max_bytes = max_bytes, .may_idle = kind == InflowConnection::Kind::kStream};
  if (kind != InflowConnection::Kind::kSmall) {
    rules.foreseen = connection_->needs_[static_cast<size_t>(kind)].largest();
  }
  place_ = connection_->messages_.Begin(connection_->arrived(), rules, std::move(reservation), std::move(reader));
  connection_->Rewake();
}

IncomingMessage& IncomingMessage::operator=(IncomingMessage&& other) noexcept {
  if (this == &other) return *this;
  End(-1);
  connection_ = std::move(other.connection_);
  place_ = other.place_;
  return *this;
}

Reservation IncomingMessage::End(int64_t message_bytes) {
  if (connection_ == nullptr) return Reservation();
  const std::shared_ptr<InflowConnection> connection = std::exchange(connection_, nullptr);
  absl::MutexLock lock(&connection->mu_);
  Reservation reservation = connection->messages_.End(connection->arrived(), place_, message_bytes);
  connection->Rewake();
  return reservation;
}

Inflow::Inflow(Logger& logger, Clock& clock)
    : logger_(logger), clock_(clock), wakes_(std::make_shared<InflowConnection::Wakes>()), thread_([this] { Run(); }) {}

Inflow::~Inflow() {
  wakes_->Stop();
  thread_.join();
}

std::shared_ptr<InflowConnection> Inflow::Connection(const std::string& peer) {
  const std::shared_ptr<ConnectionTap> tap = FindTap(peer);
  if (tap == nullptr) return std::make_shared<InflowConnection>(nullptr);
  // The tap owns it, and so lives as long as it is used.
  const std::shared_ptr<InflowConnection> connection(tap, &tap->Attached<InflowConnection>(tap.get()));
  absl::MutexLock lock(&connection->mu_);
  if (connection->wakes_.lock() == wakes_) return connection;
  connection->wakes_ = wakes_;
  tap->SetWaker([wakes = std::weak_ptr(wakes_), weak = std::weak_ptr(connection)] {
    if (const auto live = wakes.lock()) live->Add(weak);
  });
  connection->Rewake();
  return connection;
}

void Inflow::Run() {
  pthread_setname_np(pthread_self(), "lossd-inflow");
  while (const auto next = wakes_->Next()) {
    const auto connection = next->lock();
    if (connection == nullptr) continue;
    CutStray(*connection);
    connection->Assign();
  }
}

void Inflow::CutStray(InflowConnection& connection) {
  {
    absl::MutexLock lock(&connection.mu_);
    if (!connection.messages_.IsStray(connection.arrived())) return;
  }
  const std::string& peer = connection.tap_->peer();
  if (peer == "unix:") return;  // All of them share a name: one cannot be cut alone.
  CutConnections(peer);
  const absl::Time now = clock_.TimeNow();
  if (const auto held_back = cut_lines_.Admit(now)) {
    logger_.Log(LogLevel::kWarning, "cut a connection that sent bytes without a call",
                {{"peer", peer}, {"held_back", absl::StrCat(*held_back)}});
  }
}

}  // namespace lossd
