// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Tells clients that open calls faster than these can end, such as those that reset each at once (CVE-2023-44487).

#ifndef LOSSD_SERVER_CONNECTIONS_OPENING_PACE_H_
#define LOSSD_SERVER_CONNECTIONS_OPENING_PACE_H_

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace lossd {

// Counts calls that are opened and that end. Not all ends are seen: clients may send headers that open no call, and
// what a connection that is cut has brought may never become one. So for each end that is seen another one is forgiven,
// as many a second as whoever looks says; none as long as none is seen, as where the server has no time for any.
// Thread-safe.
class CallCounts {
 public:
  void NoteOpened(int64_t calls) { opened_.fetch_add(calls, std::memory_order_relaxed); }
  void NoteEnded() { ended_.fetch_add(1, std::memory_order_relaxed); }

  int64_t opened() const { return opened_.load(std::memory_order_relaxed); }
  // Those that have been opened and have not ended, less what is forgiven.
  int64_t UnderWay(int64_t forgiven_per_second, int64_t now_ns);

 private:
  std::atomic<int64_t> opened_ = 0;
  std::atomic<int64_t> ended_ = 0;
  absl::Mutex mu_;
  int64_t forgiven_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t last_ended_ ABSL_GUARDED_BY(mu_) = 0;  // At the last look, as the next.
  int64_t last_ns_ ABSL_GUARDED_BY(mu_) = 0;
};

// The calls of all connections that are under way, those that are gone among them: gRPC holds what they have opened
// until its turn comes. Thread-safe.
class OpeningPressure {
 public:
  static constexpr int64_t kPressing = 2048;  // So many press, twice as many press hard.
  static constexpr int64_t kForgivenPerSecond = 4096;

  enum class Level { kNone, kPressing, kHard };

  void NoteOpened(int64_t calls) { calls_.NoteOpened(calls); }
  void NoteEnded() { calls_.NoteEnded(); }
  // How they press now.
  Level Look(int64_t now_ns);

  // The process's.
  static OpeningPressure& Global();

 private:
  CallCounts calls_;
};

// The calls of a connection, or of several whose calls cannot be told apart, that are under way. Thread-safe.
class CallsUnderWay {
 public:
  // `all` is not owned and outlives this.
  explicit CallsUnderWay(OpeningPressure& all = OpeningPressure::Global()) : all_(all) {}

  // Fewer than none: those were dropped.
  void NoteOpened(int64_t calls) {
    calls_.NoteOpened(calls);
    all_.NoteOpened(calls);
  }
  void NoteEnded() {
    calls_.NoteEnded();
    all_.NoteEnded();
  }

  int64_t opened() const { return calls_.opened(); }

  struct State {
    int64_t under_way = 0;
    OpeningPressure::Level level = OpeningPressure::Level::kNone;
  };
  // `forgiven_per_second` as in CallCounts.
  State Look(int64_t forgiven_per_second, int64_t now_ns);

 private:
  CallCounts calls_;
  OpeningPressure& all_;
};

// One connection's. gRPC 1.51 makes an object of 16 KB of each call before anybody can say no, and where its client has
// reset it frees it only when its turn comes: 27,000 a second of one connection took gigabytes. So four times as many
// calls as a connection may have (`calls`) may be under way, twice as many while all connections together press, and a
// quarter more than it may have while they press hard; who opens more is too fast. Of calls that are counted together
// each connection has the part that it opened since it was looked at last. Clients that cancel a lot are far from all
// that as long as the server keeps up with them. Not thread-safe.
class OpeningPace {
 public:
  static constexpr int64_t kCalls = 256;  // Unless told otherwise.

  // Whatever uses one is given another first.
  OpeningPace() = default;
  // `all`: those with whose calls its own are counted, as they are now.
  OpeningPace(int64_t calls, const CallsUnderWay& all) : calls_(calls), next_look_(calls), all_opened_(all.opened()) {}

  // Whether it opens too many, when it has opened so many of `all`. Looks at the clock every quarter of `calls` calls.
  bool IsTooFast(int64_t opened, CallsUnderWay& all) { return opened >= next_look_ && Look(opened, all, NowNs()); }

  // The same look at a given time, in nanoseconds of any clock that does not go back.
  bool Look(int64_t opened, CallsUnderWay& all, int64_t now_ns);

 private:
  static int64_t NowNs();

  int64_t calls_ = 0;
  int64_t next_look_ = 0;   // Of the calls opened.
  int64_t opened_ = 0;      // At the last look,
  int64_t all_opened_ = 0;  // and of all.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_CONNECTIONS_OPENING_PACE_H_
