// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Cuts off calls whose clients take too long to send or to receive a message.

#ifndef LOSSD_SERVER_TRANSFER_WATCH_H_
#define LOSSD_SERVER_TRANSFER_WATCH_H_

#include <cstdint>
#include <list>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/periodic_thread.h"

namespace lossd {

// Knows the transfers in progress. One that lasts longer than the timeout, by up to a quarter of it, is cut. Without
// that, a client that neither sends its message nor reads its answer holds its place and its bytes as long as it likes.
// Thread-safe.
class TransferWatch {
 private:
  struct Entry;

 public:
  // What cuts a transfer off; called at most once, on the watch's thread, with no lock held.
  using Cut = absl::AnyInvocable<void()>;

  // A transfer in progress; over when destroyed or assigned to. An empty one is none. Movable. Not thread-safe.
  class Transfer {
   public:
    Transfer() = default;
    Transfer(Transfer&& other) noexcept;
    Transfer& operator=(Transfer&& other) noexcept;
    ~Transfer() { End(); }

    void End();

   private:
    friend class TransferWatch;
    Transfer(TransferWatch* watch, std::list<Entry>::iterator entry) : watch_(watch), entry_(entry) {}

    TransferWatch* watch_ = nullptr;  // Not owned; outlives this.
    std::list<Entry>::iterator entry_;
  };

  // `timeout` > 0; an infinite one watches nothing. Precondition of destruction: no transfer is left.
  explicit TransferWatch(absl::Duration timeout);

  // A transfer begins. `cut` may still run while the transfer is ended by another thread.
  Transfer Begin(Cut cut);

  // Cuts what has lasted for more than four sweeps. The watch's thread calls it every quarter of the timeout.
  void Sweep();

 private:
  struct Entry {
    int64_t begun;  // In sweeps.
    Cut cut;        // Empty once it was called.
  };

  void Remove(std::list<Entry>::iterator entry);

  absl::Mutex mu_;
  int64_t sweeps_ ABSL_GUARDED_BY(mu_) = 0;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mu_);  // The oldest first.
  std::optional<PeriodicThread> thread_;           // Last: uses all of the above.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_TRANSFER_WATCH_H_
