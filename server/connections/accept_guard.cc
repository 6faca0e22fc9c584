// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/accept_guard.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/const_init.h"
#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "core/scheduling/clock.h"
#include "server/connections/connection_taps.h"
#include "server/connections/local_ends.h"
#include "server/connections/open_connections.h"

namespace lossd {
namespace {

ABSL_CONST_INIT absl::Mutex spare_mu(absl::kConstInit);
int spare ABSL_GUARDED_BY(spare_mu) = -1;  // -1: none was asked for, or none was left.
// Whether one was asked for and none was left: another thread may take the number between our closing and opening it.
std::atomic<bool> spare_lost = false;

void OpenSpare() ABSL_EXCLUSIVE_LOCKS_REQUIRED(spare_mu) {
  if (spare < 0) spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
  spare_lost.store(spare < 0, std::memory_order_relaxed);
}

int SystemAccept(int listener, sockaddr* address, socklen_t* length, int flags) {
  return static_cast<int>(syscall(SYS_accept4, listener, address, length, flags));
}

// Turns away whoever waits at `listener`, which does not block.
void TurnAway(int listener) {
  absl::MutexLock lock(&spare_mu);
  if (spare_lost) OpenSpare();
  while (spare >= 0) {
    close(spare);
    const int connection = SystemAccept(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection >= 0) close(connection);
    spare = -1;
    OpenSpare();
    if (connection < 0) return;
  }
}

}  // namespace

void GuardAccept() {
  absl::MutexLock lock(&spare_mu);
  OpenSpare();
}

class BoundedListener::State {
 public:
  State(const std::vector<std::string>& addresses, ConnectionBounds bounds)
      : ends_(LocalEnds::Of(addresses)), bounds_(std::move(bounds)) {}

  bool IsOf(int listener) const { return ends_.Contain(listener); }

  int64_t calls() const { return bounds_.calls; }

  // Whether a connection that was just accepted may stay.
  bool Admit(int connection) {
    {
      absl::MutexLock lock(&mu_);
      if (connection < bounds_.below && open_.Add(connection, bounds_.connections, RealClock().TimeNow())) return true;
      ++refused_;
    }
    bounds_.on_refused();
    return false;
  }

  int64_t connections() {
    absl::MutexLock lock(&mu_);
    return open_.Count();
  }

  int64_t refused() const {
    absl::MutexLock lock(&mu_);
    return refused_;
  }

 private:
  const LocalEnds ends_;
  const ConnectionBounds bounds_;
  mutable absl::Mutex mu_;
  OpenConnections open_ ABSL_GUARDED_BY(mu_);
  int64_t refused_ ABSL_GUARDED_BY(mu_) = 0;
};

// All there are in this process.
class BoundedListeners {
 public:
  using State = BoundedListener::State;

  void Add(const std::shared_ptr<State>& state) {
    absl::MutexLock lock(&mu_);
    states_.push_back(state);
    some_.store(true, std::memory_order_relaxed);
  }

  void Remove(const std::shared_ptr<State>& state) {
    absl::MutexLock lock(&mu_);
    std::erase(states_, state);
    some_.store(!states_.empty(), std::memory_order_relaxed);
  }

  // Whether a connection may stay; the calls that it may have.
  std::optional<int64_t> Admit(int listener, int connection) {
    const std::shared_ptr<State> state = some_.load(std::memory_order_relaxed) ? Find(listener) : nullptr;
    if (state == nullptr) return OpeningPace::kCalls;
    if (!state->Admit(connection)) return std::nullopt;
    return state->calls();
  }

 private:
  std::shared_ptr<State> Find(int listener) {
    absl::MutexLock lock(&mu_);
    for (const auto& state : states_) {
      if (state->IsOf(listener)) return state;
    }
    return nullptr;
  }

  absl::Mutex mu_;
  std::vector<std::shared_ptr<State>> states_ ABSL_GUARDED_BY(mu_);
  std::atomic<bool> some_ = false;
};

namespace {

BoundedListeners& TheListeners() {
  static auto* const listeners = new BoundedListeners();
  return *listeners;
}

// The next connection that may stay, which is tapped then; -1 and errno as accept4.
int AcceptBounded(int listener, sockaddr* address, socklen_t* length, int flags) {
  const socklen_t room = length == nullptr ? 0 : *length;
  while (true) {
    const int connection = SystemAccept(listener, address, length, flags);
    if (connection < 0) return connection;
    if (const auto calls = TheListeners().Admit(listener, connection)) {
      TapConnection(connection, *calls);
      return connection;
    }
    close(connection);
    if (length != nullptr) *length = room;
  }
}

}  // namespace

BoundedListener::BoundedListener(const std::vector<std::string>& addresses, ConnectionBounds bounds)
    : state_(std::make_shared<State>(addresses, std::move(bounds))) {
  TheListeners().Add(state_);
}

BoundedListener::~BoundedListener() { TheListeners().Remove(state_); }

int64_t BoundedListener::connections() const { return state_->connections(); }

int64_t BoundedListener::refused() const { return state_->refused(); }

}  // namespace lossd

// Takes the place of the C library's, also for the libraries of this process.
extern "C" ABSL_ATTRIBUTE_WEAK int accept4(int listener, sockaddr* address, socklen_t* length, int flags) {
  const int connection = lossd::AcceptBounded(listener, address, length, flags);
  if (connection >= 0 && lossd::spare_lost.load(std::memory_order_relaxed)) lossd::GuardAccept();
  if (connection >= 0 || (errno != EMFILE && errno != ENFILE)) return connection;
  lossd::TurnAway(listener);
  errno = EAGAIN;
  return -1;
}
