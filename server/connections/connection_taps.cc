// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/connection_taps.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <unordered_map>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/strings/match.h"
#include "server/connections/last_peer.h"
#include "server/connections/local_ends.h"

namespace lossd {
namespace {

constexpr size_t kMaxFd = size_t{1} << 20;  // Connections of larger numbers are not tapped.

// What tells a socket from any other that has its number later; 0 if `fd` is none.
uint64_t SocketId(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

// gRPC tells clients over unix sockets apart by nothing.
std::string KeyOf(const std::string& peer) { return absl::StartsWith(peer, kUnixPeer) ? kUnixPeer : peer; }

}  // namespace

// The taps by the number of their descriptor, which recvmsg knows, and by their peer, which calls know. A descriptor
// that was closed keeps its tap until its number is accepted again, which bounds them by the descriptors there may be.
struct TapTable {
  struct Slot {
    std::atomic<ConnectionTap*> tap = nullptr;
    std::atomic<uint64_t> socket = 0;   // Its SocketId.
    std::atomic<bool> stopped = false;  // Nothing is read from it any more.
    FrameMeter meter;                   // These two of whoever reads from it.
    OpeningPace pace;
  };

  static TapTable& Get() {
    static TapTable* const table = new TapTable();  // Sockets are read until the process has ended.
    return *table;
  }

  static Slot* Find(int fd) {
    const auto index = static_cast<size_t>(fd);
    return index < kMaxFd && slots[index].tap.load(std::memory_order_acquire) != nullptr ? &slots[index] : nullptr;
  }

  // Whether `fd` is the socket that was tapped, and not another one that has its number since.
  static bool IsStill(int fd, const Slot& slot) { return SocketId(fd) == slot.socket.load(std::memory_order_relaxed); }
  static bool IsStopped(int fd, const Slot& slot) {
    return slot.stopped.load(std::memory_order_relaxed) && IsStill(fd, slot);
  }

  // Counts what was read into the first `bytes` of `message`; whether the connection may go on.
  static bool Take(Slot& slot, const msghdr& message, size_t bytes) {
    ConnectionTap& tap = *slot.tap.load(std::memory_order_relaxed);
    bool goes_on = true;
    for (size_t i = 0; i < message.msg_iovlen && bytes > 0; ++i) {
      const size_t piece = std::min(bytes, message.msg_iov[i].iov_len);
      goes_on &= tap.Take(slot.meter, slot.pace, {static_cast<const char*>(message.msg_iov[i].iov_base), piece});
      bytes -= piece;
    }
    return goes_on;
  }

  void Add(int fd, const std::string& peer) ABSL_LOCKS_EXCLUDED(mu) {
    std::shared_ptr<ConnectionTap> replaced;  // Freed without the lock.
    absl::MutexLock lock(&mu);
    if (++accepted_since_purge > 2 * peers.size() + 64) Purge();
    std::weak_ptr<ConnectionTap>& known = peers[peer];
    std::shared_ptr<ConnectionTap> tap = known.lock();
    if (tap == nullptr) tap = std::make_shared<ConnectionTap>(peer);
    known = tap;
    Slot& slot = slots[static_cast<size_t>(fd)];
    slot.stopped.store(false, std::memory_order_relaxed);
    slot.meter = FrameMeter();
    slot.pace = OpeningPace();
    slot.socket.store(SocketId(fd), std::memory_order_relaxed);
    slot.tap.store(tap.get(), std::memory_order_release);
    replaced = std::exchange(owned[fd], std::move(tap));
  }

  // Forgets the peers whose taps are gone.
  void Purge() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    for (auto peer = peers.begin(); peer != peers.end();) {
      peer = peer->second.expired() ? peers.erase(peer) : std::next(peer);
    }
    accepted_since_purge = 0;
  }

  static Slot slots[kMaxFd];
  absl::Mutex mu;
  size_t accepted_since_purge ABSL_GUARDED_BY(mu) = 0;
  std::unordered_map<int, std::shared_ptr<ConnectionTap>> owned ABSL_GUARDED_BY(mu);
  std::unordered_map<std::string, std::weak_ptr<ConnectionTap>> peers ABSL_GUARDED_BY(mu);
};

TapTable::Slot TapTable::slots[kMaxFd];

void ConnectionTap::SetWaker(std::function<void()> waker) {
  absl::MutexLock lock(&mu_);
  waker_ = std::move(waker);
}

bool ConnectionTap::Take(FrameMeter& meter, OpeningPace& pace, absl::string_view bytes) {
  bool goes_on = true;
  const int64_t of_messages = meter.Take(bytes);
  if (meter.opaque()) opaque_.store(true, std::memory_order_relaxed);
  const bool floods = meter.longest_header_block() > kMaxHeaderBlock ||
                      pace.IsTooFast(meter.opened(), ended_.load(std::memory_order_relaxed));
  if (floods) {
    goes_on = false;
    if (!floods_.exchange(true, std::memory_order_relaxed)) Wake();  // Who watches says so.
  }
  const int64_t arrived = arrived_.fetch_add(of_messages) + of_messages;
  if (arrived < wake_at_.load()) return goes_on;
  return (wake_at_.exchange(kNever) == kNever || Wake()) && goes_on;
}

bool ConnectionTap::Wake() {
  absl::MutexLock lock(&mu_);
  if (waker_) waker_();
  return static_cast<bool>(waker_);
}

void TapConnection(int fd) {
  if (fd < 0 || static_cast<size_t>(fd) >= kMaxFd) return;
  const auto peer = PeerOf(fd);
  if (peer.has_value()) TapTable::Get().Add(fd, *peer);
}

std::shared_ptr<ConnectionTap> FindTap(const std::string& peer) {
  TapTable& table = TapTable::Get();
  absl::MutexLock lock(&table.mu);
  const auto found = absl::StartsWith(peer, kUnixPeer) ? table.peers.find(kUnixPeer) : table.peers.find(peer);
  return found == table.peers.end() ? nullptr : found->second.lock();
}

namespace {

// Calls `visit` with each connection that is still what was tapped, as a descriptor of its own: whatever becomes of the
// number meanwhile, the duplicate stays the same socket.
void VisitConnections(const std::function<void(int fd, const ConnectionTap& tap, TapTable::Slot& slot)>& visit) {
  std::vector<std::pair<int, std::shared_ptr<ConnectionTap>>> taps;
  {
    TapTable& table = TapTable::Get();
    absl::MutexLock lock(&table.mu);
    taps.assign(table.owned.begin(), table.owned.end());
  }
  for (const auto& [fd, tap] : taps) {
    TapTable::Slot& slot = TapTable::slots[static_cast<size_t>(fd)];
    const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) continue;
    if (TapTable::IsStill(own, slot)) visit(own, *tap, slot);
    close(own);
  }
}

}  // namespace

void CutConnections(const std::string& peer) {
  VisitConnections([key = KeyOf(peer)](int fd, const ConnectionTap& tap, TapTable::Slot&) {
    if (tap.peer() == key) shutdown(fd, SHUT_RDWR);
  });
}

void StopReading(const std::vector<std::string>& addresses) {
  const LocalEnds ends = LocalEnds::Of(addresses);
  VisitConnections([&](int fd, const ConnectionTap&, TapTable::Slot& slot) {
    if (ends.Contain(fd)) slot.stopped.store(true, std::memory_order_relaxed);
  });
}

}  // namespace lossd

// Takes the place of the C library's, also for the libraries of this process.
extern "C" ABSL_ATTRIBUTE_WEAK ssize_t recvmsg(int fd, msghdr* message, int flags) {
  lossd::NoteRead(fd);
  lossd::TapTable::Slot* const slot = lossd::TapTable::Find(fd);
  if (slot != nullptr && lossd::TapTable::IsStopped(fd, *slot)) {
    errno = EAGAIN;
    return -1;
  }
  const auto bytes = static_cast<ssize_t>(syscall(SYS_recvmsg, fd, message, flags));
  if (slot == nullptr || bytes <= 0) return bytes;
  const bool goes_on = lossd::TapTable::Take(*slot, *message, static_cast<size_t>(bytes));
  if (!goes_on && lossd::TapTable::IsStill(fd, *slot)) shutdown(fd, SHUT_RDWR);
  return bytes;
}
