// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Keeps a line that could come a thousand times a second from doing so.

#ifndef LOSSD_SERVER_LOG_LOG_LIMITER_H_
#define LOSSD_SERVER_LOG_LOG_LIMITER_H_

#include <cstdint>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace lossd {

// Lets a burst of lines through, then one a period. Thread-safe.
class LogLimiter {
 public:
  LogLimiter(int burst, absl::Duration period) : burst_(burst), period_(period) {}

  // Whether a line may be written now; if so, how many were held back since the last one.
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
