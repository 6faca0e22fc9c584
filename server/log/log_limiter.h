// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Keeps a line that could come a thousand times a second from doing so.
//
//   if (const auto held_back = limiter.Admit(now)) {
//     logger.Log(LogLevel::kWarning, "connection refused", {{"held_back", *held_back}});
//   }

#ifndef LOSSD_SERVER_LOG_LOG_LIMITER_H_
#define LOSSD_SERVER_LOG_LOG_LIMITER_H_

#include <cstdint>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace lossd {

// Lets a burst of lines through, then one a period; periods without a line are saved up, for a burst at most. Knows
// nothing of the lines: one limiter is for one kind of line. Thread-safe.
class LogLimiter {
 public:
  // `burst` >= 1 lines, `period` > 0.
  LogLimiter(int burst, absl::Duration period) : burst_(burst), period_(period) {}

  // Whether a line may be written now; if so, how many were held back since the last one, for the line to say. Nullopt:
  // not now, and it is counted. `now` is of one clock, always.
  std::optional<int64_t> Admit(absl::Time now);

 private:
  const int burst_;
  const absl::Duration period_;
  absl::Mutex mu_;
  // The time at which the next line is due; the burst reaches back from it.
  absl::Time due_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  int64_t held_back_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_LOG_LOG_LIMITER_H_
