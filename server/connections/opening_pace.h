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

// How many calls of all connections were under way when these were last looked at, less those that are forgiven: a
// connection that has gone is not looked at again. Thread-safe.
class OpeningPressure {
 public:
  static constexpr int64_t kPressing = 4096;  // So many press, twice as many press hard.
  static constexpr int64_t kForgivenPerSecond = kPressing;

  enum class Level { kNone, kPressing, kHard };

  // So many more (or fewer); how they press now.
  Level Add(int64_t calls, int64_t now_ns);

  // The process's.
  static OpeningPressure& Global();

 private:
  absl::Mutex mu_;
  int64_t calls_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t last_ns_ ABSL_GUARDED_BY(mu_) = 0;
};

// The calls of a connection, or of several whose calls cannot be told apart, that are under way. Thread-safe.
class CallsUnderWay {
 public:
  void NoteOpened(int64_t calls) { opened_.fetch_add(calls, std::memory_order_relaxed); }
  void NoteEnded() { ended_.fetch_add(1, std::memory_order_relaxed); }

  int64_t opened() const { return opened_.load(std::memory_order_relaxed); }

  struct State {
    int64_t under_way = 0;
    OpeningPressure::Level level = OpeningPressure::Level::kNone;
  };
  // Of which so many are forgiven a second: not all ends of calls are seen, as gRPC hands over none that was reset
  // before its turn.
  State Look(int64_t forgiven_per_second, int64_t now_ns, OpeningPressure& pressure);

 private:
  std::atomic<int64_t> opened_ = 0;
  std::atomic<int64_t> ended_ = 0;
  absl::Mutex mu_;
  int64_t forgiven_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t under_way_ ABSL_GUARDED_BY(mu_) = 0;  // At the last look.
  int64_t last_ns_ ABSL_GUARDED_BY(mu_) = 0;
};

// One connection's. gRPC 1.51 makes an object of 16 KB of each call before anybody can say no, and where its client has
// reset it frees it only when its turn comes: 27,000 a second of one connection took gigabytes. So four times as many
// calls as a connection may have (`calls`) may be under way, twice as many while all connections together press, and
// half as many again while they press hard; who opens more is too fast. Of calls that are counted together each
// connection has the part that it opened since it was looked at last. Clients that cancel a lot are far from all that
// as long as the server keeps up with them. Not thread-safe.
class OpeningPace {
 public:
  static constexpr int64_t kCalls = 256;  // Unless told otherwise.

  // Whatever uses one is given another first.
  OpeningPace() = default;
  // `all`: those with whose calls its own are counted, as they are now.
  OpeningPace(int64_t calls, const CallsUnderWay& all) : calls_(calls), next_look_(calls), all_opened_(all.opened()) {}

  // Whether it opens too many, when it has opened so many of `all`. Looks at the clock every `calls` calls.
  bool IsTooFast(int64_t opened, CallsUnderWay& all) { return opened >= next_look_ && Look(opened, all, NowNs()); }

  // The same look at a given time, in nanoseconds of any clock that does not go back.
  bool Look(int64_t opened, CallsUnderWay& all, int64_t now_ns, OpeningPressure& pressure = OpeningPressure::Global());

 private:
  static int64_t NowNs();

  int64_t calls_ = 0;
  int64_t next_look_ = 0;   // Of the calls opened.
  int64_t opened_ = 0;      // At the last look,
  int64_t all_opened_ = 0;  // and of all.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_CONNECTIONS_OPENING_PACE_H_
