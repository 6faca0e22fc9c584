// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How soon what is taken from a full budget comes back, so that a caller who finds no room can be told when to ask
// again.

#ifndef LOSSD_CORE_SCHEDULING_TURNOVER_H_
#define LOSSD_CORE_SCHEDULING_TURNOVER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/time/time.h"

namespace lossd {

// Learns the pace at which units, such as bytes, are given back, from the last few times that this happened. Of idle
// times nothing is learnt: whoever knows of one calls Forget. Not thread-safe; allocates nothing.
//
//    Note       4 MiB   8 MiB    2 MiB   6 MiB
//    time   ----x-------x--------x-------x------>     16 MiB came back between the first and the last, which begins
//               |-------- 200 ms --------|            the time; for 40 MiB: TimeFor = 200 ms * 40 / 16 = 500 ms
class Turnover {
 public:
  // `units` > 0 have been given back at `now`; of more than kRemembered times the oldest is forgotten.
  void Note(int64_t units, absl::Time now);
  // All of it: how fast units came back while nobody waited for them says nothing of a full budget.
  void Forget() { noted_ = 0; }

  // How long it takes until so many units have been given back; nullopt until kLeast returns are known, or where these
  // came all at once or the clock was set back.
  std::optional<absl::Duration> TimeFor(int64_t units) const;

 private:
  static constexpr size_t kRemembered = 16;
  static constexpr size_t kLeast = 4;

  struct Return {
    int64_t units;
    absl::Time time;
  };
  // The i-th of those that are remembered, oldest first.
  const Return& at(size_t i) const { return returns_[(noted_ + kRemembered - count() + i) % kRemembered]; }
  size_t count() const { return noted_ < kRemembered ? noted_ : kRemembered; }

  std::array<Return, kRemembered> returns_ = {};
  size_t noted_ = 0;
};

}  // namespace lossd

#endif  // LOSSD_CORE_SCHEDULING_TURNOVER_H_
