// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What this process reads from the connections of its clients, counted where gRPC reads it: at the socket, and where
// OpenSSL hands it what was encrypted.
//
// gRPC 1.51 tells of a message when all of it has arrived. Until then its bytes, up to the four gigabytes that a
// message may announce, lie in the transport, and no call, limit or clock of ours knows of them. So the process's
// recvmsg is ours (as its accept4, see accept_guard.h, and its getpeername, by which gRPC names clients over unix
// sockets), and so are SSL_set_accept_state, with which gRPC begins TLS on the connection that it has just accepted,
// and SSL_read: they count what arrives on each accepted connection, and can be told to wake somebody, to read no more,
// or to cut the connection. A gRPC that brings its own TLS library calls none of the latter two: then all bytes of a
// connection with TLS count, and its frames are not seen (opaque).

#ifndef LOSSD_SERVER_CONNECTIONS_CONNECTION_TAPS_H_
#define LOSSD_SERVER_CONNECTIONS_CONNECTION_TAPS_H_

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "server/connections/frame_meter.h"
#include "server/connections/opening_pace.h"

namespace lossd {

// The connection of a client, by its address, or, over a unix socket, where it has none, by its number among these of
// the process. Lives as long as anybody keeps it, and at least until its descriptor's number is accepted anew.
// Thread-safe.
//
//    accept4 -> TapConnection: a tap for the descriptor
//    recvmsg, or, with TLS, SSL_read
//            -> arrived_ grows ---- reaches WakeAt ----> the waker, if there is one, else the end
//            -> floods ----> the end; the waker, if there is one, hears of the first time
//    at the end what was read, and what the system still has, is dropped: gRPC never sees it
class ConnectionTap : public std::enable_shared_from_this<ConnectionTap> {
 public:
  // For WakeAt: wakes nobody.
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  explicit ConnectionTap(std::string peer) : peer_(std::move(peer)) {}
  ConnectionTap(const ConnectionTap&) = delete;
  ConnectionTap& operator=(const ConnectionTap&) = delete;

  // As grpc::ServerContext::peer has it: "ipv4:127.0.0.1:41000", "ipv6:%5B::1%5D:41000", "unix:7".
  const std::string& peer() const { return peer_; }

  // Bytes of messages read so far; all bytes, of whatever kind, where they are opaque.
  int64_t arrived() const { return arrived_.load(); }
  // Of these, what has come since the last call was opened.
  int64_t since_opened() const { return since_opened_.load(std::memory_order_relaxed); }
  // What it brings cannot be read: it is no HTTP/2, or gRPC brings a TLS library of its own.
  bool opaque() const { return opaque_.load(std::memory_order_relaxed); }
  // Whether it has brought a block of headers that is longer than any that is taken (64 KiB), or opened calls much
  // faster than they end, as who resets each at once does. Wakes once; the connection itself is cut.
  bool floods() const { return floods_.load(std::memory_order_relaxed); }
  // One of its calls is over, and nothing of it is left.
  void NoteEnded() { calls_.NoteEnded(); }

  // What WakeAt wakes: called on the thread that reads, between its reads; must return at once, and not call back.
  // Replaces the one before, which is not running any more when this returns. Where there is none, as before the first
  // call of a connection, what would be woken is cut instead.
  void SetWaker(std::function<void()> waker);
  // Wakes once, as soon as `arrived` bytes have; at the next read if they have already. Replaces the one before. Either
  // the read sees this, or arrived(), asked afterwards, what was read.
  void WakeAt(int64_t arrived) { wake_at_.store(arrived); }

  // Whatever its watcher keeps with the connection for as long as that lives. Made by the first who asks, of
  // `arguments`, which count no more afterwards; of one type for all of a process. Valid as long as this is.
  template <typename Attachment, typename... Arguments>
  Attachment& Attached(Arguments&&... arguments) {
    if (void* const made = attached_.load(std::memory_order_acquire)) return *static_cast<Attachment*>(made);
    absl::MutexLock lock(&mu_);
    if (attachment_ == nullptr) attachment_ = std::make_shared<Attachment>(std::forward<Arguments>(arguments)...);
    attached_.store(attachment_.get(), std::memory_order_release);
    return *static_cast<Attachment*>(attachment_.get());
  }

 private:
  friend struct TapTable;

  static constexpr int64_t kMaxHeaderBlock = 64 << 10;  // Some tokens take a quarter of it.
  // Until somebody sets WakeAt: what a connection may bring before its first call. As IncomingMessages::kMaxStrayBytes.
  static constexpr int64_t kMaxWithoutCall = 32 << 20;

  // What one of its connections has brought next; whether that may go on.
  bool Take(FrameMeter& meter, OpeningPace& pace, absl::string_view bytes);
  bool Wake();

  const std::string peer_;
  std::atomic<int64_t> arrived_ = 0;  // These two sequentially consistent: see WakeAt.
  std::atomic<int64_t> wake_at_ = kMaxWithoutCall;
  std::atomic<int64_t> since_opened_ = 0;
  std::atomic<bool> opaque_ = false;
  std::atomic<bool> floods_ = false;
  CallsUnderWay calls_;
  absl::Mutex mu_;
  std::function<void()> waker_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<void> attachment_ ABSL_GUARDED_BY(mu_);
  std::atomic<void*> attached_ = nullptr;  // The same, once it is made.
};

// Taps a connection that was accepted as `fd`. accept4 of this process calls it. Numbers of a million and more are not
// tapped, nor what is no connection. `calls`: that it may have at a time (OpeningPace).
void TapConnection(int fd, int64_t calls = OpeningPace::kCalls);

// The tap of an open connection, `peer` as ConnectionTap::peer; null if there is none, as where another library has
// taken the place of accept4 and recvmsg. All of these are thread-safe, and take the lock of one table.
std::shared_ptr<ConnectionTap> FindTap(const std::string& peer);

// Cuts the connections of `peer`, in both directions, whatever is on its way. Their calls end.
void CutConnections(const std::string& peer);

// From now on nothing is read from the connections that were accepted on one of `addresses` ("127.0.0.1:41000",
// "unix:/path"; ports and paths count). What is written to them still leaves. For good: they are to be closed.
void StopReading(const std::vector<std::string>& addresses);

}  // namespace lossd

#endif  // LOSSD_SERVER_CONNECTIONS_CONNECTION_TAPS_H_
