// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Cuts off calls whose clients take too long to send or to receive a message.

#ifndef LOSSD_SERVER_CONNECTIONS_TRANSFER_WATCH_H_
#define LOSSD_SERVER_CONNECTIONS_TRANSFER_WATCH_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <list>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/process/periodic_thread.h"

namespace lossd {

// Knows who transfers, and since when. A transfer that lasts longer than the timeout, by up to a quarter of it, is cut;
// one that goes on for another quarter, as what a socket has taken may, is cut for the last time. Without that, a
// client that neither sends its message nor reads its answer holds its place and its bytes as long as it likes.
//
//    sweeps      |     |     |     |     |     |     |     a quarter of the timeout apart
//    Begin          x
//    looked at         ok    ok    ok    ok    |     |
//                                              |     Cut(kLast), if it goes on; nothing after that
//                                              Cut(kFirst), at an age of four to five quarters
//
// Time is counted in sweeps: beginning and ending are a store each, and a sweep looks at all that are watched. It
// stands still while the server itself does not get to what clients have sent: they cannot help that. A direction in
// which nothing goes on counts for nothing; of two the older one. Thread-safe.
class TransferWatch {
 private:
  struct Entry;

 public:
  enum class Direction { kIn, kOut };
  enum class Attempt { kFirst, kLast };
  // What cuts a transfer off; called at most once an attempt, on the watch's thread, with no lock held. Must not own
  // what owns the Transfer, nor block: other transfers wait.
  using Cut = std::function<void(Attempt attempt)>;

  // Whether a transfer towards this process has not really begun: asked at every sweep, on the watch's thread, with its
  // lock held; must not call back. Its time runs from when it first says no.
  using Idle = std::function<bool()>;

  // The transfers of a call, one after another in each direction; watched until this is destroyed or assigned to. An
  // empty one is not watched. Movable. Not thread-safe, but for Begin and End, which any thread may call.
  class Transfer {
   public:
    Transfer() = default;
    Transfer(Transfer&& other) noexcept;
    Transfer& operator=(Transfer&& other) noexcept;
    ~Transfer() { Leave(); }

    // One begins, one ends. Either takes no lock.
    void Begin(Direction direction);
    void End(Direction direction);

   private:
    friend class TransferWatch;
    Transfer(TransferWatch* watch, std::list<Entry>::iterator entry) : watch_(watch), entry_(entry) {}
    void Leave();

    TransferWatch* watch_ = nullptr;  // Not owned; outlives this.
    std::list<Entry>::iterator entry_;
  };

  // `timeout` > 0; an infinite one watches nothing. `keeps_up`: whether whoever moves the bytes has done so since it
  // was asked last; asked at every sweep, on the watch's thread, with no lock held. Precondition of destruction: no
  // transfer is left.
  explicit TransferWatch(
      absl::Duration timeout, std::function<bool()> keeps_up = [] { return true; });

  // Watches transfers, of which none is in progress yet. `cut` may still run while the transfer is ended by another
  // thread.
  Transfer Watch(Cut cut, Idle idle = nullptr);

  // Cuts what has lasted for more than four sweeps; again at the next one what still lasts. The watch's thread calls it
  // every quarter of the timeout.
  void Sweep();

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  struct Entry {
    Entry(Cut what, Idle whether) : cut(std::move(what)), idle(std::move(whether)) {}

    std::atomic<int64_t> begun[2] = {kNever, kNever};  // By direction, in sweeps.
    const Cut cut;
    const Idle idle;  // Empty: it never is.
    int attempts = 0;
  };

  void Remove(std::list<Entry>::iterator entry);

  const std::function<bool()> keeps_up_;
  std::atomic<int64_t> sweeps_ = 0;
  absl::Mutex mu_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mu_);
  std::optional<PeriodicThread> thread_;  // Last: uses all of the above.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_CONNECTIONS_TRANSFER_WATCH_H_
