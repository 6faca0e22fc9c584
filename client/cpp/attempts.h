// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Which failed calls are made again, and when.

#ifndef LOSSD_CLIENT_CPP_ATTEMPTS_H_
#define LOSSD_CLIENT_CPP_ATTEMPTS_H_

#include <algorithm>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cpp/client_options.h"

namespace lossd::client {

// The attempts of one unary call. UNAVAILABLE (a restart, a drain, no connection) is tried again while
// ClientOptions::patience lasts, RESOURCE_EXHAUSTED up to max_attempts times where the server names a delay; neither
// beyond the call's deadline. gRPC's own retries know no such difference. Not thread-safe.
//
//    attempt --> fails ~ wait ~ attempt --> fails ~~ wait ~~ attempt --> fails ~~~~ wait ~~~~ ...
//                |<--------------------- patience --------------------->|    waits double, from initial_backoff on
class Attempts {
 public:
  // `options` is not owned and outlives this.
  Attempts(const ClientOptions* options, absl::Time deadline) : options_(options), deadline_(deadline) {}

  // When the next attempt begins after one that ended with `status` at `now`; nullopt: the call has failed. `pushback`
  // is what came as `grpc-retry-pushback-ms`, "" if nothing: it, or else a RetryInfo, prolongs the wait, and what is
  // not a number, such as -1, forbids another attempt. Waits differ by chance, so that not all callers come back at
  // once. To be called once after each failed attempt: it counts them.
  std::optional<absl::Time> Next(const absl::Status& status, const std::string& pushback, absl::Time now);

  absl::Time deadline() const { return deadline_; }
  // By when the next attempt must have a connection.
  absl::Time connected_by() const { return std::min(deadline_, end_of_patience_); }

 private:
  bool MayPass(const absl::Status& status, bool delay_named);

  const ClientOptions* const options_;
  const absl::Time deadline_;
  absl::Time end_of_patience_ = absl::InfiniteFuture();  // Counted from the first failure.
  int failures_ = 0;
};

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_ATTEMPTS_H_
