// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/connections/connection_taps.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/strings/str_cat.h"
#include "server/connections/last_peer.h"
#include "server/connections/local_ends.h"
#include "server/connections/open_connections.h"

namespace lossd {
namespace {

constexpr size_t kMaxFd = size_t{1} << 20;  // Connections of larger numbers are not tapped.

// A connection that was accepted, as something to keep with its TLS: its descriptor and, above that, its SocketOf;
// null: none.
void* PackedSocket(int fd, uint64_t socket) {
  const uint64_t packed = socket * kMaxFd + static_cast<uint64_t>(fd);
  return reinterpret_cast<void*>(packed);  // NOLINT(performance-no-int-to-ptr): TLS keeps nothing but pointers.
}
thread_local void* last_accepted = nullptr;

int TlsSocketIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

// The taps by the number of their descriptor, which recvmsg knows, and by their peer, which calls know. A descriptor
// that was closed keeps its tap until its number is accepted again, which bounds them by the descriptors there may be.
struct TapTable {
  enum class Reading { kOn, kStopped, kCut };
  struct TappedSocket {
    std::atomic<ConnectionTap*> tap = nullptr;
    std::atomic<uint64_t> socket = 0;  // Its SocketOf.
    std::atomic<Reading> reading = Reading::kOn;
    std::atomic<bool> tls = false;          // What it brings is read by SSL_read.
    std::atomic<uint64_t> unix_number = 0;  // 0: it is not over a unix socket.
    FrameMeter meter;                       // These two of whoever reads from it.
    OpeningPace pace;
  };

  static TapTable& Get() {
    static TapTable* const table = new TapTable();  // Sockets are read until the process has ended.
    return *table;
  }

  static TappedSocket* Find(int fd) {
    const auto index = static_cast<size_t>(fd);
    TappedSocket* const tapped = index < kMaxFd ? sockets[index].load(std::memory_order_acquire) : nullptr;
    return tapped != nullptr && tapped->tap.load(std::memory_order_acquire) != nullptr ? tapped : nullptr;
  }

  // Whether `fd` is the socket that was tapped, and not another one that has its number since.
  static bool IsStill(int fd, const TappedSocket& tapped) {
    return SocketOf(fd) == tapped.socket.load(std::memory_order_relaxed);
  }

  // Why nothing is to be read, as errno has it; 0: it may.
  static int ErrorOf(int fd, const TappedSocket& tapped) {
    const Reading reading = tapped.reading.load(std::memory_order_relaxed);
    if (reading == Reading::kOn || !IsStill(fd, tapped)) return 0;
    return reading == Reading::kCut ? ECONNRESET : EAGAIN;
  }

  static void Cut(int fd, TappedSocket& tapped) {
    tapped.reading.store(Reading::kCut, std::memory_order_relaxed);  // The system still has what came before.
    shutdown(fd, SHUT_RDWR);
  }

  // Counts what was read into the first `bytes` of `message`; whether the connection may go on.
  static bool Take(int fd, TappedSocket& tapped, const msghdr& message, size_t bytes) {
    if (tapped.tls.load(std::memory_order_relaxed)) return true;
    bool goes_on = true;
    for (size_t i = 0; i < message.msg_iovlen && bytes > 0 && goes_on; ++i) {
      const size_t piece = std::min(bytes, message.msg_iov[i].iov_len);
      goes_on = Take(tapped, {static_cast<const char*>(message.msg_iov[i].iov_base), piece});
      bytes -= piece;
    }
    if (goes_on || !IsStill(fd, tapped)) return true;
    Cut(fd, tapped);
    return false;
  }

  // From now on what the connection brings is counted by TakeDecrypted. Of what was accepted last on this thread, which
  // is how gRPC begins TLS.
  static void BeginTls(SSL* tls) {
    void* const socket = std::exchange(last_accepted, nullptr);
    if (socket == nullptr || SSL_set_ex_data(tls, TlsSocketIndex(), socket) == 0) return;
    sockets[reinterpret_cast<uint64_t>(socket) % kMaxFd].load()->tls.store(true, std::memory_order_relaxed);
  }

  // Counts what `tls` has made of what it was given; whether the connection may go on.
  static bool TakeDecrypted(const SSL* tls, absl::string_view bytes) {
    const auto socket = reinterpret_cast<uint64_t>(SSL_get_ex_data(tls, TlsSocketIndex()));
    if (socket == 0) return true;
    TappedSocket& tapped = *sockets[socket % kMaxFd].load(std::memory_order_acquire);
    if (tapped.socket.load(std::memory_order_relaxed) != socket / kMaxFd) return true;
    if (tapped.reading.load(std::memory_order_relaxed) == Reading::kCut) return false;
    if (Take(tapped, bytes)) return true;
    Cut(static_cast<int>(socket % kMaxFd), tapped);  // Open as long as its TLS reads.
    return false;
  }

  static bool Take(TappedSocket& tapped, absl::string_view bytes) {
    return tapped.tap.load(std::memory_order_relaxed)->Take(tapped.meter, tapped.pace, bytes);
  }

  void Add(int fd, std::string peer, int64_t calls) ABSL_LOCKS_EXCLUDED(mu) {
    std::shared_ptr<ConnectionTap> replaced;  // Freed without the lock.
    absl::MutexLock lock(&mu);
    const uint64_t unix_number = peer == kUnixPeer ? ++last_unix_number : 0;
    if (unix_number > 0) absl::StrAppend(&peer, unix_number);
    if (++accepted_since_purge > 2 * peers.size() + 64) Purge();
    std::weak_ptr<ConnectionTap>& known = peers[peer];
    std::shared_ptr<ConnectionTap> tap = known.lock();
    if (tap == nullptr) tap = std::make_shared<ConnectionTap>(peer);
    known = tap;
    std::atomic<TappedSocket*>& place = sockets[static_cast<size_t>(fd)];
    if (place.load(std::memory_order_relaxed) == nullptr) place.store(new TappedSocket(), std::memory_order_release);
    TappedSocket& tapped = *place.load(std::memory_order_relaxed);
    tapped.reading.store(Reading::kOn, std::memory_order_relaxed);
    tapped.tls.store(false, std::memory_order_relaxed);
    tapped.unix_number.store(unix_number, std::memory_order_relaxed);
    tapped.meter = FrameMeter();
    tapped.pace = OpeningPace(calls, tap->calls_);
    const uint64_t socket = SocketOf(fd);
    tapped.socket.store(socket, std::memory_order_relaxed);
    last_accepted = PackedSocket(fd, socket);
    tapped.tap.store(tap.get(), std::memory_order_release);
    replaced = std::exchange(owned[fd], std::move(tap));
  }

  // Forgets the peers whose taps are gone.
  void Purge() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    for (auto peer = peers.begin(); peer != peers.end();) {
      peer = peer->second.expired() ? peers.erase(peer) : std::next(peer);
    }
    accepted_since_purge = 0;
  }

  // Each is made for the first connection that has its number, and kept: the table takes memory as far as it is used.
  static std::atomic<TappedSocket*> sockets[kMaxFd];
  absl::Mutex mu;
  uint64_t last_unix_number ABSL_GUARDED_BY(mu) = 0;
  size_t accepted_since_purge ABSL_GUARDED_BY(mu) = 0;
  std::unordered_map<int, std::shared_ptr<ConnectionTap>> owned ABSL_GUARDED_BY(mu);
  std::unordered_map<std::string, std::weak_ptr<ConnectionTap>> peers ABSL_GUARDED_BY(mu);
};

std::atomic<TapTable::TappedSocket*> TapTable::sockets[kMaxFd];

void ConnectionTap::SetWaker(std::function<void()> waker) {
  absl::MutexLock lock(&mu_);
  waker_ = std::move(waker);
}

bool ConnectionTap::Take(FrameMeter& meter, OpeningPace& pace, absl::string_view bytes) {
  bool goes_on = true;
  const int64_t opened_before = meter.opened();
  const int64_t of_messages = meter.Take(bytes);
  const int64_t opened = meter.opened() - opened_before;
  if (opened > 0) calls_.NoteOpened(opened);
  if (meter.opaque()) opaque_.store(true, std::memory_order_relaxed);
  since_opened_.store(meter.since_opened(), std::memory_order_relaxed);
  const bool floods =
      meter.longest_header_block() > kMaxHeaderBlock || (opened > 0 && pace.IsTooFast(meter.opened(), calls_));
  if (floods) {
    goes_on = false;
    calls_.NoteOpened(-opened);
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

void TapConnection(int fd, int64_t calls) {
  last_accepted = nullptr;
  if (fd < 0 || static_cast<size_t>(fd) >= kMaxFd) return;
  const auto peer = PeerOf(fd);
  if (peer.has_value()) TapTable::Get().Add(fd, *peer, calls);
}

std::shared_ptr<ConnectionTap> FindTap(const std::string& peer) {
  TapTable& table = TapTable::Get();
  absl::MutexLock lock(&table.mu);
  const auto found = table.peers.find(peer);
  return found == table.peers.end() ? nullptr : found->second.lock();
}

namespace {

// Calls `visit` with each connection that is still what was tapped, as a descriptor of its own: whatever becomes of the
// number meanwhile, the duplicate stays the same socket.
void VisitConnections(
    const std::function<void(int fd, const ConnectionTap& tap, TapTable::TappedSocket& tapped)>& visit) {
  std::vector<std::pair<int, std::shared_ptr<ConnectionTap>>> taps;
  {
    TapTable& table = TapTable::Get();
    absl::MutexLock lock(&table.mu);
    taps.assign(table.owned.begin(), table.owned.end());
  }
  for (const auto& [fd, tap] : taps) {
    TapTable::TappedSocket& tapped = *TapTable::sockets[static_cast<size_t>(fd)].load(std::memory_order_acquire);
    const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) continue;
    if (TapTable::IsStill(own, tapped)) visit(own, *tap, tapped);
    close(own);
  }
}

}  // namespace

void CutConnections(const std::string& peer) {
  VisitConnections([&peer](int fd, const ConnectionTap& tap, TapTable::TappedSocket& tapped) {
    if (tap.peer() == peer) TapTable::Cut(fd, tapped);
  });
}

void StopReading(const std::vector<std::string>& addresses) {
  const LocalEnds ends = LocalEnds::Of(addresses);
  VisitConnections([&](int fd, const ConnectionTap&, TapTable::TappedSocket& tapped) {
    if (ends.Contain(fd)) tapped.reading.store(TapTable::Reading::kStopped, std::memory_order_relaxed);
  });
}

}  // namespace lossd

// gRPC names a client by this. One over a unix socket has its number where others have an address or a path.
extern "C" ABSL_ATTRIBUTE_WEAK int getpeername(int fd, sockaddr* address, socklen_t* length) noexcept {
  const socklen_t room = length == nullptr ? 0 : *length;
  const auto result = static_cast<int>(syscall(SYS_getpeername, fd, address, length));
  const lossd::TapTable::TappedSocket* const tapped = result == 0 ? lossd::TapTable::Find(fd) : nullptr;
  const uint64_t number = tapped == nullptr ? 0 : tapped->unix_number.load(std::memory_order_relaxed);
  if (number == 0 || !lossd::TapTable::IsStill(fd, *tapped)) return result;
  sockaddr_un numbered = {};
  numbered.sun_family = AF_UNIX;
  const std::string text = absl::StrCat(number);
  text.copy(numbered.sun_path, sizeof(numbered.sun_path) - 1);
  *length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + 1);
  std::memcpy(address, &numbered, std::min(room, *length));
  return 0;
}

// These take the place of the C library's and of OpenSSL's, also for the libraries of this process.
extern "C" ABSL_ATTRIBUTE_WEAK ssize_t recvmsg(int fd, msghdr* message, int flags) {
  lossd::NoteRead(fd);
  lossd::TapTable::TappedSocket* const tapped = lossd::TapTable::Find(fd);
  const int error = tapped == nullptr ? 0 : lossd::TapTable::ErrorOf(fd, *tapped);
  if (error != 0) {
    errno = error;
    return -1;
  }
  const auto bytes = static_cast<ssize_t>(syscall(SYS_recvmsg, fd, message, flags));
  if (tapped == nullptr || bytes <= 0) return bytes;
  if (lossd::TapTable::Take(fd, *tapped, *message, static_cast<size_t>(bytes))) return bytes;
  errno = ECONNRESET;
  return -1;
}

extern "C" ABSL_ATTRIBUTE_WEAK void SSL_set_accept_state(SSL* tls) {
  static const auto original = reinterpret_cast<void (*)(SSL*)>(dlsym(RTLD_NEXT, "SSL_set_accept_state"));
  original(tls);
  lossd::TapTable::BeginTls(tls);
}

extern "C" ABSL_ATTRIBUTE_WEAK int SSL_read(SSL* tls, void* bytes, int size) {
  static const auto original = reinterpret_cast<int (*)(SSL*, void*, int)>(dlsym(RTLD_NEXT, "SSL_read"));
  const int read = original(tls, bytes, size);
  if (read <= 0 || lossd::TapTable::TakeDecrypted(tls, {static_cast<char*>(bytes), static_cast<size_t>(read)})) {
    return read;
  }
  ERR_raise(ERR_LIB_SYS, ECONNRESET);  // With an error gRPC drops what it has decrypted before of what it read at once.
  return -1;
}
