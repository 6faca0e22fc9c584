// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Tells clients that open calls faster than these can end, such as those that reset each at once (CVE-2023-44487).

#ifndef LOSSD_SERVER_CONNECTIONS_OPENING_PACE_H_
#define LOSSD_SERVER_CONNECTIONS_OPENING_PACE_H_

#include <atomic>
#include <cstdint>

namespace lossd {

// How many calls lately were opened on all connections and had not ended when their connection was looked at.
// Thread-safe.
class OpeningPressure {
 public:
  // So many, within this second and the one before, press.
  static constexpr int64_t kPressing = 4096;

  void Add(int64_t calls, int64_t now_ns);
  bool IsHigh(int64_t now_ns) const;

  // The process's.
  static OpeningPressure& Global();

 private:
  std::atomic<int64_t> second_ = 0;
  std::atomic<int64_t> calls_ = 0;   // Of that second,
  std::atomic<int64_t> before_ = 0;  // and of the one before.
};

// One connection's. gRPC 1.51 makes an object of 16 KB of each call before anybody can say no, and where its client has
// reset it frees it only when its turn comes: 27,000 a second of one connection took gigabytes. So a connection may
// open kMost calls within a second of which half have not ended; fewer while all connections together press. Clients
// that cancel a lot are far from it as long as the server keeps up with them. Not thread-safe.
class OpeningPace {
 public:
  static constexpr int64_t kStep = 256;  // Calls between looks: as many as may be under way (--max_concurrent_streams).
  static constexpr int64_t kMost = 1024;
  static constexpr int64_t kMostUnderPressure = 512;

  // Whether it opens too many, of `opened` calls of this connection of which `ended` are over, since it was made. Looks
  // at the clock every kStep calls.
  bool IsTooFast(int64_t opened, int64_t ended) { return opened >= next_look_ && Look(opened, ended, NowNs()); }

  // The same look at a given time, in nanoseconds of any clock that does not go back.
  bool Look(int64_t opened, int64_t ended, int64_t now_ns, OpeningPressure& pressure = OpeningPressure::Global());

 private:
  static int64_t NowNs();

  int64_t next_look_ = kStep;  // Of the calls opened.
  // When the second began that is looked at.
  int64_t begin_ns_ = 0;
  int64_t opened_ = 0;
  int64_t ended_ = 0;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_CONNECTIONS_OPENING_PACE_H_
